//! `tracing` events about counted exceptions, and about mistakes in the use of this crate.

use std::cell::Cell;

thread_local! {
    static EMITTING: Cell<bool> = const { Cell::new(false) };
}

/// Emits the event of an exception that was counted in `exceptions_total`.
///
/// The subscriber is user code, so the caller must not hold the scope of a request.
pub(super) fn exception(endpoint: &str, exception_type: &str, status: Option<u16>) {
    emit_event(|| {
        tracing::warn!(
            target: "streamgauge",
            endpoint,
            exception_type,
            status,
            "a handler failed"
        );
    });
}

/// Emits the event of a failure that was counted in `global_exceptions_total`.
///
/// The subscriber is user code, so the caller must not hold the scope of a request.
pub(super) fn global_exception(endpoint: &str, exception_type: &str) {
    emit_event(|| {
        tracing::error!(
            target: "streamgauge",
            endpoint,
            exception_type,
            "a failure that no handler owned"
        );
    });
}

/// Warns that a handler has set a request label that the instance does not declare.
///
/// The subscriber is user code, so the caller must not hold the scope of a request.
pub(crate) fn warn_undeclared_label(label: &str) {
    emit_event(|| {
        tracing::warn!(
            target: "streamgauge",
            label,
            "request_label::set has no effect: declare the label with MetricsBuilder::request_label"
        );
    });
}

/// Warns that the endpoint of a handler is not a route template: the `/` at the beginning may have
/// been forgotten.
#[cold]
pub(crate) fn warn_named_handler(function: &str, endpoint: Option<&str>) {
    emit_event(|| {
        tracing::warn!(
            target: "streamgauge",
            function,
            endpoint,
            "this endpoint is the name of a function, and the function serves a request: write a \
             route template, which begins with `/`, or leave the argument out"
        );
    });
}

/// Warns that nothing reads what a function with `#[instrument_endpoint]` records outside any
/// request.
pub(crate) fn warn_function_outside_requests(function: &str) {
    emit_event(|| {
        tracing::warn!(
            target: "streamgauge",
            function,
            "a function runs outside any request, so `Metrics::global` records it, which nothing \
             reads: another instance has the layer; add that layer to the router of the function, \
             or create the instance with `MetricsBuilder::install`"
        );
    });
}

/// Warns that nothing reads what a model call or a stream records outside any request. `function`
/// is the annotated function, or the function of this crate that reports it.
pub(crate) fn warn_call_outside_requests(function: &str) {
    emit_event(|| {
        tracing::warn!(
            target: "streamgauge",
            function,
            "usage, a stream or an error is recorded outside any request, so in `Metrics::global`, \
             which nothing reads: another instance has the layer; in a spawned task use a \
             `token_usage_context::Handle` that was created in the request, or create the instance \
             with `MetricsBuilder::install`"
        );
    });
}

/// Warns that usage is recorded outside any request, in a global instance that is read.
pub(crate) fn warn_usage_outside_requests() {
    emit_event(|| {
        tracing::warn!(
            target: "streamgauge",
            function = "token_usage_context::record",
            "usage is recorded outside any request, so without an endpoint: if a request has \
             spawned this task, record with a `token_usage_context::Handle` that was created in \
             the request"
        );
    });
}

/// Warns that `metrics_endpoint` serves the global instance, while another instance has the layer.
#[cfg(feature = "axum")]
pub(crate) fn warn_page_outside_layers() {
    emit_event(|| {
        tracing::warn!(
            target: "streamgauge",
            "`metrics_endpoint` is served outside any layer, so it shows `Metrics::global`, but \
             another instance has the layer: serve `Metrics::endpoint` of that instance, or create \
             it with `MetricsBuilder::install`"
        );
    });
}

/// Warns that the reply of a call cannot be parsed, because no layer serves the request.
#[cfg(feature = "axum")]
pub(crate) fn warn_reply_without_layer(function: &str) {
    emit_event(|| {
        tracing::warn!(
            target: "streamgauge",
            function,
            "#[track_tokens] parses this response through `PrometheusLayer`, but no such layer \
             serves the request: the call is recorded as missing usage; add the layer to the router"
        );
    });
}

/// Warns that a stream cannot be metered, because no layer serves the request.
#[cfg(feature = "axum")]
pub(crate) fn warn_stream_without_layer(function: &str) {
    emit_event(|| {
        tracing::warn!(
            target: "streamgauge",
            function,
            "#[streaming_metrics] meters this response through `PrometheusLayer`, but no such \
             layer serves the request: the stream is not recorded; add the layer to the router"
        );
    });
}

/// Warns that the application uses another version of axum than this crate.
#[cfg(feature = "axum")]
pub(crate) fn warn_other_axum() {
    emit_event(|| {
        tracing::warn!(
            target: "streamgauge",
            "the application uses another version of axum than streamgauge: its requests have no \
             route and are recorded as `unmatched`; streamgauge {} needs axum 0.8",
            env!("CARGO_PKG_VERSION"),
        );
    });
}

/// Emits an event, unless this thread is already emitting one. A subscriber may report errors
/// through this crate; an event about each of those would recurse without end.
fn emit_event(emit: impl FnOnce()) {
    struct Reset;

    impl Drop for Reset {
        fn drop(&mut self) {
            let _ = EMITTING.try_with(|emitting| emitting.set(false));
        }
    }

    if EMITTING.try_with(|emitting| emitting.replace(true)) == Ok(false) {
        let _reset = Reset;
        emit();
    }
}
