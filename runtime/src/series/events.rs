//! `tracing` events about counted exceptions and undeclared request labels.

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
