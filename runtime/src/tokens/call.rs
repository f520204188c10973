//! One tracked call of a model, from the annotated function's start to its reply.

use std::borrow::Cow;
use std::mem;
use std::thread;

use super::{ReplyKind, TokenUsage, Usage};
use crate::endpoint::Verdict;
use crate::family::FinishReason;
use crate::metrics::Metrics;
use crate::request::{self, CallId, Ending, OpenCall};
use crate::site::Site;

/// The open call of a function under `#[track_tokens]`. Dropped without being finished, the call was
/// cancelled or panicked.
#[must_use]
pub struct TokenCall(Place);

/// Where the call's state is.
enum Place {
    /// Among the calls of the request, where usage recorded by hand finds it.
    Request(CallId),
    /// Here: no request is being served.
    Here(OpenCall),
    /// Closed, or left to the request.
    Nowhere,
}

/// Begins a call. `provider` and `model` are empty where they are not known.
pub fn start_call(
    site: &'static Site,
    provider: Cow<'static, str>,
    model: Cow<'static, str>,
) -> TokenCall {
    let call = OpenCall::new(site, provider, model);
    let id = call.id();
    let mut call = Some(call);
    request::current(|scope| call.take().map(|call| scope.calls().begin(call)));
    TokenCall(call.map_or(Place::Request(id), Place::Here))
}

/// Ends a call with the usage its reply carries.
pub fn finish_call<R: TokenUsage + ?Sized>(mut call: TokenCall, reply: &R) {
    match reply.__kind() {
        ReplyKind::Stream => call.leave_open(),
        ReplyKind::Failed => call.close(Ending::Failed, None, FinishReason::Error),
        ReplyKind::Value => {
            let told = reply.token_usage().map(|usage| (usage, reply.model()));
            call.close(Ending::Complete, told, reply.__finish_reason());
        }
    }
}

/// Ends a call whose reply is an opaque stream: its usage is recorded by hand while it flows.
pub fn finish_stream_call(mut call: TokenCall, verdict: Verdict) {
    if verdict.exception.is_some() {
        call.close(Ending::Failed, None, FinishReason::Error);
    } else {
        call.leave_open();
    }
}

impl TokenCall {
    /// Leaves the call to the request, which closes it when it ends itself. Where there is none, nobody
    /// would, unless the stream is read: then it has its own record of the call.
    fn leave_open(&mut self) {
        if let Place::Here(call) = &self.0
            && !call.site().is_read()
        {
            self.close(Ending::Complete, None, FinishReason::Unknown);
        }
        self.0 = Place::Nowhere;
    }

    /// Closes the call, with the usage and the model that its reply has told.
    fn close(
        &mut self,
        ending: Ending,
        usage: Option<(Usage, Option<&str>)>,
        finish: FinishReason,
    ) {
        let open = match mem::replace(&mut self.0, Place::Nowhere) {
            Place::Here(call) => Some((Metrics::global().endpoints().of_site(call.site()), call)),
            Place::Request(id) => request::current(|scope| {
                let call = scope.calls().end(id)?;
                Some((scope.endpoint_of(call.site()), call))
            })
            .flatten(),
            Place::Nowhere => None,
        };
        let Some((endpoint, mut call)) = open else { return };
        if let Some((usage, model)) = usage {
            usage.record(&call.series(&endpoint, model), finish);
            call.settle();
        }
        call.close(&endpoint, ending);
    }
}

impl Drop for TokenCall {
    fn drop(&mut self) {
        let ending = if thread::panicking() { Ending::Panicked } else { Ending::Left };
        self.close(ending, None, FinishReason::Unknown);
    }
}
