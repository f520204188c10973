//! Usage that user code records itself.

/// Records token usage that a function cannot return: usage of streams, of background tasks, or of
/// several exchanges within one function.
///
/// # Which call the usage belongs to
///
/// Usage belongs to the call that is open in this task. The first of these cases applies:
///
/// 1. A tracked function is running, or the source of a reply with a `protocol` is polled or
///    dropped: usage is added to that call. If a tracked function runs within another one, usage is
///    added to the inner call.
/// 2. A tracked function has returned a stream whose bytes are not parsed, and the request has not
///    ended: usage is added to its call, which ends with the request. Of several such calls, usage
///    is added to the newest.
/// 3. Otherwise, within a request: each record is a call of its own at the request's endpoint,
///    without provider and model, and with a duration of zero.
/// 4. Otherwise, outside any request: each record is such a call in the global instance, with an
///    empty endpoint.
///
/// The records of a call are summed. If the function returns a value with usage, the sum is added
/// to that usage. If the bytes of the reply are parsed, records describe the same reply: per count,
/// the larger of the sum and the parsed count is used. The bytes may lack usage if the client
/// disconnects.
///
/// # Spawned tasks
///
/// A spawned task is outside the request and outside the call. Create a
/// [`Handle`](token_usage_context::Handle) before the task is spawned, and move it into the task.
/// [`record`](token_usage_context::Handle::record) adds usage to the call that was open when the
/// handle was created.
/// [`scope`](token_usage_context::Handle::scope) makes the model calls and the metered streams of a
/// future part of the request and of that call.
///
/// # Examples
///
/// ```
/// use streamgauge::{Usage, token_usage_context, track_tokens};
///
/// #[track_tokens(model = "small-1")]
/// async fn summarize(text: String) -> Usage {
///     token_usage_context::record(Usage::new(40, 2)); // the language was detected first
///     Usage::new(text.len() as u64, 100)
/// }
/// # drop(summarize);
/// ```
pub mod token_usage_context {
    use std::fmt;
    use std::sync::Arc;

    use crate::call::{
        CallHandle, LlmCall, RequestCalls, current_call, current_request_calls, within_request,
    };
    use crate::metrics::Instance;
    use crate::request::{self, Scope, Serving, perhaps_disabled};
    use crate::series::CallRecord;
    use crate::usage::Usage;

    /// Records usage for the call that is open in this task.
    ///
    /// # Examples
    ///
    /// ```
    /// use streamgauge::{Usage, token_usage_context};
    ///
    /// async fn handler() -> &'static str {
    ///     token_usage_context::record(Usage::new(12, 34));
    ///     "an answer"
    /// }
    /// # drop(handler());
    /// ```
    pub fn record(usage: Usage) {
        match Target::current() {
            Target::Call(call) => call.record(usage),
            Target::Request(request) => record_in_request(&request, usage),
            Target::Global => record_outside(usage),
            Target::Disabled => {}
        }
    }

    /// Returns a handle to the call that is open in this task, or to the request being served, to
    /// record usage from a spawned task.
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
        Handle(match Target::current() {
            Target::Call(call) => Held::Call(CallHandle::new(call)),
            Target::Request(request) => Held::Request(request),
            Target::Global => Held::Global,
            Target::Disabled => Held::Disabled,
        })
    }

    /// What usage belongs to that is recorded on this thread.
    enum Target {
        Call(Arc<LlmCall>),
        Request(Arc<RequestCalls>),
        Global,
        /// Nothing: the instance of the request is disabled.
        Disabled,
    }

    impl Target {
        fn current() -> Self {
            if let Some(call) = current_call() {
                return Self::Call(call);
            }
            let request = match request::serving(Scope::calls) {
                Serving::Request(request) => Some(request),
                Serving::Disabled => return Self::Disabled,
                Serving::Nothing => current_request_calls(),
            };
            let Some(request) = request else { return Self::Global };
            request.newest_left().map_or(Self::Request(request), Self::Call)
        }
    }

    fn record_in_request(request: &RequestCalls, usage: Usage) {
        request.series_without_call().record(&CallRecord::of_usage(&usage));
        request.add_closed();
    }

    fn record_outside(usage: Usage) {
        let Some(metrics) = Instance::for_usage_outside_requests() else { return };
        let endpoint = metrics.endpoints().with_fixed_label("");
        endpoint.calls("", "").record(&CallRecord::of_usage(&usage));
    }

    /// Records usage for the call or the request in which it was created, from any task, even after
    /// the request has ended. Created by [`handle`].
    ///
    /// Cloning a handle is cheap. A tracked call whose reply has ended without usage stays open
    /// until its last handle is dropped: the first usage that a handle records is then that of the
    /// call. If no handle records any, the call is counted in `usage_missing_total`. Usage that is
    /// recorded after the call has its usage is a call of its own.
    #[derive(Clone)]
    pub struct Handle(Held);

    #[derive(Clone)]
    enum Held {
        Call(CallHandle),
        Request(Arc<RequestCalls>),
        Global,
        Disabled,
    }

    impl Handle {
        /// Records usage for the call or the request that the handle belongs to.
        ///
        /// # Examples
        ///
        /// ```
        /// use streamgauge::{Usage, token_usage_context};
        ///
        /// async fn handler() {
        ///     let tokens = token_usage_context::handle();
        ///     tokio::spawn(async move {
        ///         // The title of the conversation, which the response does not wait for.
        ///         tokens.record(Usage::new(40, 2));
        ///     });
        /// }
        /// # drop(handler());
        /// ```
        pub fn record(&self, usage: Usage) {
            match &self.0 {
                Held::Call(handle) => handle.call().record(usage),
                Held::Request(request) => record_in_request(request, usage),
                Held::Global => record_outside(usage),
                Held::Disabled => {}
            }
        }

        /// Makes the model calls and the metered streams of a future part of the request and of the
        /// call that the handle belongs to.
        ///
        /// Use it for tasks that call models for a request: hedged requests, or several calls at
        /// once. Calls of tracked functions in the future are recorded in the instance and at the
        /// endpoint of the request, and are made within the call of the handle. Streams that it
        /// meters are recorded there, too. Everything else stays outside the request:
        /// [`request_label::set`](crate::request_label::set) does nothing in the future, and
        /// exceptions are recorded in the global instance.
        ///
        /// The returned future must not be polled again after it has returned its output: it would
        /// be pending for ever.
        ///
        /// # Cancel safety
        ///
        /// The returned future is as cancel safe as the one that is passed.
        ///
        /// # Examples
        ///
        /// ```
        /// use streamgauge::{Usage, token_usage_context, track_tokens};
        ///
        /// #[track_tokens(provider = "house", model = "small-1")]
        /// async fn ask(question: String) -> Usage {
        ///     Usage::new(question.len() as u64, 1)
        /// }
        ///
        /// async fn handler() {
        ///     let tokens = token_usage_context::handle();
        ///     tokio::spawn(tokens.scope(ask("why?".to_owned())));
        /// }
        /// # drop(handler());
        /// ```
        pub fn scope<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
            let (call, request) = match &self.0 {
                Held::Call(handle) => (Some(handle.clone()), handle.request_calls()),
                Held::Request(request) => (None, Some(Arc::clone(request))),
                Held::Global | Held::Disabled => (None, None),
            };
            let is_disabled = matches!(self.0, Held::Disabled);
            perhaps_disabled(within_request(future, call, request), is_disabled)
        }
    }

    impl fmt::Debug for Handle {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("Handle").finish_non_exhaustive()
        }
    }
}
