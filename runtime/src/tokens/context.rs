//! Usage recorded by hand.

/// Token usage recorded by hand, for handlers that cannot return it: generators, background tasks,
/// several calls in one request.
///
/// Each record counts one model call. Inside a `#[track_tokens]` function, and in the stream that such
/// a function returns, it has that call's endpoint, provider and model; elsewhere in a request it has
/// the request's endpoint. What has been recorded stays recorded when the client leaves.
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
/// The request is found through the layer that serves it. A task that was spawned has none; take a
/// [`handle`](token_usage_context::handle) along.
pub mod token_usage_context {
    use std::fmt;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

    use crate::metrics::Metrics;
    use crate::request::{self, OpenCall};
    use crate::site::TokenSeries;
    use crate::tokens::Usage;

    /// Records the usage of one model call for the request being served.
    ///
    /// Outside any request it is recorded in the global instance, with an empty endpoint.
    pub fn record(usage: Usage) {
        let inside = request::current(|scope| {
            if let Some(call) = scope.call() {
                call.settle();
            }
            scope.token_series()
        });
        let series = inside.unwrap_or_else(outside);
        usage.record(&series);
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
        request::current(|scope| Handle {
            series: scope.token_series(),
            recorded: scope.call().as_mut().map(OpenCall::share),
        })
        .unwrap_or_else(|| Handle { series: outside(), recorded: None })
    }

    fn outside() -> Arc<TokenSeries> {
        Metrics::global().endpoints().get("").tokens("", "")
    }

    /// Records usage for the request it was taken in, from wherever it is. Made by [`handle`].
    #[derive(Clone)]
    pub struct Handle {
        series: Arc<TokenSeries>,
        recorded: Option<Arc<AtomicBool>>,
    }

    impl Handle {
        /// Records the usage of one model call.
        pub fn record(&self, usage: Usage) {
            usage.record(&self.series);
            if let Some(recorded) = &self.recorded {
                recorded.store(true, Relaxed);
            }
        }
    }

    impl fmt::Debug for Handle {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("Handle").finish_non_exhaustive()
        }
    }
}
