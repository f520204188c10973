//! Usage recorded by hand.

/// Token usage recorded by hand, for handlers that cannot return it: generators, background tasks,
/// several calls in one request.
///
/// Each record counts one model call. In a request that the layer serves, it has the endpoint, provider
/// and model of the `#[track_tokens]` function that began last, while that runs and while the stream
/// that it returned flows; elsewhere it has the request's endpoint alone. What has been recorded stays
/// recorded when the client leaves.
///
/// A stream whose `protocol` is read is one call: what its source records by hand while it is polled or dropped,
/// or whoever has a handle that was taken there, adds up to its usage, and counts where the bytes tell of less.
/// They may not have come to it when the client leaves. What such a handle records after the end is the usage of
/// a call that told none, else a call of its own; and so is what anybody else records, between two items too.
///
/// ```
/// use streamgauge::{Usage, token_usage_context, track_tokens};
///
/// #[track_tokens(model = "small-1")]
/// async fn summarise(text: String) -> Usage {
///     token_usage_context::record(Usage::new(40, 2)); // a first call, to find the language
///     Usage::new(text.len() as u64, 100) // the second call's usage is the reply
/// }
/// # drop(summarise);
/// ```
///
/// The request is found through the layer that serves it. A task that was spawned has none: take a
/// [`handle`](token_usage_context::handle) along. Where several tracked calls run at once, a handle taken
/// in each keeps their usage apart.
pub mod token_usage_context {
    use std::fmt;
    use std::sync::Arc;

    use crate::call::{ManualUsage, SharedCall};
    use crate::metrics::Metrics;
    use crate::request::{self};
    use crate::series::TokenSeries;
    use crate::usage::FinishReason;
    use crate::usage::Usage;

    /// Records the usage of one model call for the request being served.
    ///
    /// Outside any request it is recorded in the global instance, with an empty endpoint.
    pub fn record(usage: Usage) {
        let inside = request::current(|scope| {
            if let Some(call) = scope.calls().newest() {
                call.mark_recorded();
            } else if let Some(reading) = scope.active_replies().polled() {
                reading.record(usage);
                return None;
            }
            Some(scope.token_series())
        });
        if let Some(series) = inside.unwrap_or_else(|| Some(outside())) {
            series.record(&usage, FinishReason::Unknown);
        }
    }

    /// A handle to the request being served, to record from a task that it has spawned.
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
            let manual_usage = scope.active_replies().polled();
            Handle(match scope.calls().newest() {
                Some(call) => Target::Call(call.share(series)),
                None => manual_usage.map_or(Target::Series(series), Target::ReplyParser),
            })
        });
        inside.unwrap_or_else(|| Handle(Target::Series(outside())))
    }

    fn outside() -> Arc<TokenSeries> {
        Metrics::global().endpoints().get("").tokens("", "")
    }

    /// Records usage for the request it was taken in, from wherever it is, also when that request has
    /// ended. Made by [`handle`].
    ///
    /// A tracked call whose handles are all gone, and for which nobody has recorded, is counted in
    /// `usage_missing_total`.
    #[derive(Clone)]
    pub struct Handle(Target);

    #[derive(Clone)]
    enum Target {
        Call(Arc<SharedCall>),
        ReplyParser(Arc<ManualUsage>),
        Series(Arc<TokenSeries>),
    }

    impl Handle {
        /// Records the usage of one model call.
        pub fn record(&self, usage: Usage) {
            match &self.0 {
                Target::Call(call) => call.record(usage),
                Target::ReplyParser(manual_usage) => manual_usage.record(usage),
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
