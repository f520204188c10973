//! Usage that user code records itself.

/// Records token usage that a function cannot return: usage of streams, of background tasks, or of
/// several model calls within one function.
///
/// # Which call the usage belongs to
///
/// [`record`](token_usage_context::record) and [`handle`](token_usage_context::handle) find the
/// call through the request that a `PrometheusLayer` is serving on this thread. The first of these
/// cases applies:
///
/// 1. A `#[track_tokens]` function is running, or a stream without a `protocol` that it returned is
///    being sent: each record is one call with the endpoint, provider and model of that function.
///    If several such calls are open, the newest is used.
/// 2. The source of a stream with a `protocol` is being polled or dropped: records are summed, and
///    per field, the larger of that sum and the parsed count is the usage of the stream's call. The
///    parsed bytes may lack usage if the client disconnects.
/// 3. Any other request: each record is one call at the request's endpoint, without provider and
///    model.
/// 4. Outside any request: each record is one call in the global instance, with an empty endpoint.
///
/// Recorded usage stays recorded if the client disconnects. A function that records usage and also
/// returns usage has made two calls.
///
/// A spawned task is outside the request. Create a handle before the task is spawned, and move it
/// into the task. If several tracked calls run concurrently, a handle that is created in each of
/// them keeps their usage apart. A handle that was created in case 2 may record after the end of
/// the stream: if the reply had no usage, the first such record is the usage of the call, and every
/// other record is a call of its own.
///
/// # Examples
///
/// ```
/// use streamgauge::{Usage, token_usage_context, track_tokens};
///
/// #[track_tokens(model = "small-1")]
/// async fn summarize(text: String) -> Usage {
///     token_usage_context::record(Usage::new(40, 2)); // a first call, to detect the language
///     Usage::new(text.len() as u64, 100) // the usage of the second call is the reply
/// }
/// # drop(summarize);
/// ```
pub mod token_usage_context {
    use std::fmt;
    use std::sync::Arc;

    use crate::call::{ManualUsage, SharedCall};
    use crate::metrics::Metrics;
    use crate::request;
    use crate::series::TokenSeries;
    use crate::usage::{FinishReason, Usage};

    /// Records usage for the request being served. The [module](self) says which call it belongs
    /// to.
    ///
    /// # Examples
    ///
    /// ```
    /// use streamgauge::{Usage, token_usage_context};
    ///
    /// token_usage_context::record(Usage::new(1_200, 300).cache_read(1_000));
    /// ```
    pub fn record(usage: Usage) {
        let inside = request::current(|scope| {
            if let Some(call) = scope.calls().newest() {
                call.mark_recorded();
            } else if let Some(manual_usage) = scope.active_replies().polled() {
                manual_usage.record(usage);
                return None;
            }
            Some(scope.token_series())
        });
        if let Some(series) = inside.unwrap_or_else(|| Some(outside())) {
            series.record(&usage, FinishReason::Unknown);
        }
    }

    /// Returns a handle to the request being served, to record usage from a spawned task.
    ///
    /// # Examples
    ///
    /// ```
    /// # async fn ask_in_the_background() -> streamgauge::Usage { streamgauge::Usage::new(1, 1) }
    /// use streamgauge::token_usage_context;
    ///
    /// async fn handler() {
    ///     let tokens = token_usage_context::handle();
    ///     tokio::spawn(async move { tokens.record(ask_in_the_background().await) });
    /// }
    /// # drop(handler());
    /// ```
    #[must_use]
    pub fn handle() -> Handle {
        let inside = request::current(|scope| {
            let series = scope.token_series();
            let polled = scope.active_replies().polled();
            Handle(match scope.calls().newest() {
                Some(call) => Target::Call(call.share(series)),
                None => polled.map_or(Target::Series(series), Target::ParsedReply),
            })
        });
        inside.unwrap_or_else(|| Handle(Target::Series(outside())))
    }

    fn outside() -> Arc<TokenSeries> {
        Metrics::global().endpoints().get_or_create("").tokens("", "")
    }

    /// Records usage for the request in which it was created, from any task, even after the request
    /// has ended. Created by [`handle`].
    ///
    /// Cloning a handle is cheap. A tracked call stays open until its last handle is dropped. If
    /// neither its reply nor a handle has supplied usage by then, the call is counted in
    /// `usage_missing_total`.
    #[derive(Clone)]
    pub struct Handle(Target);

    #[derive(Clone)]
    enum Target {
        Call(Arc<SharedCall>),
        ParsedReply(Arc<ManualUsage>),
        Series(Arc<TokenSeries>),
    }

    impl Handle {
        /// Records usage for the call or the request that the handle belongs to.
        pub fn record(&self, usage: Usage) {
            match &self.0 {
                Target::Call(call) => call.record(usage),
                Target::ParsedReply(manual_usage) => manual_usage.record(usage),
                Target::Series(series) => series.record(&usage, FinishReason::Unknown),
            }
        }
    }

    impl fmt::Debug for Handle {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("Handle").finish_non_exhaustive()
        }
    }
}
