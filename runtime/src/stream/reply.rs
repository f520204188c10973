//! Metering the stream in the return value of an annotated function.

#[cfg(feature = "axum")]
use std::mem;
use std::pin::Pin;
use std::time::Instant;

use futures_core::Stream;
#[cfg(feature = "axum")]
use http::HeaderMap;
use parking_lot::{Mutex, MutexGuard};

#[cfg(feature = "ws")]
use super::SocketStream;
use super::{MeteredStream, StreamChunk, StreamRecorder};
#[cfg(feature = "axum")]
use crate::call::LlmCall;
use crate::call::{CallErrorType, CallGuard, current_request_calls};
use crate::call::{EnterCall, EnteredCall};
use crate::callsite::Site;
use crate::label::Label;
use crate::media_type::BodyContent;
use crate::metrics::Instance;
use crate::request::{self, Serving, StreamInfo};
use crate::series::EndpointSeries;
#[cfg(feature = "axum")]
use crate::series::warn_stream_without_layer;

/// The start of an annotated function that returns a stream.
pub struct StreamStart {
    site: &'static Site,
    model: Label,
    /// The call whose reply the stream is. Empty without a protocol, and if no call is recorded.
    call: Mutex<CallGuard>,
}

impl StreamStart {
    /// Starts the function of a call site. `provider` and `model` are empty if they are not known.
    #[must_use]
    pub fn new(site: &'static Site, provider: Label, model: Label) -> Self {
        let call = match site.protocol() {
            Some(_) => request::begin_call(site, provider, model.clone()),
            None => CallGuard::NONE,
        };
        Self { site, model, call: Mutex::new(call) }
    }

    /// Moves the call into a new `StreamStart`, for a response that is created after the function
    /// has returned.
    #[cfg(feature = "axum")]
    pub(crate) fn take(&self) -> Self {
        let call = mem::replace(&mut *self.call.lock(), CallGuard::NONE);
        Self { site: self.site, model: self.model.clone(), call: Mutex::new(call) }
    }

    /// Locks the call. Returns `None` if the attribute names no protocol: only a protocol makes the
    /// stream a call.
    fn call(&self) -> Option<MutexGuard<'_, CallGuard>> {
        self.site.protocol().map(|_| self.call.lock())
    }

    /// Describes the stream, and takes the call.
    fn info(&self, content: BodyContent, endpoint: &'static EndpointSeries) -> StreamInfo {
        StreamInfo {
            events_only: false,
            content,
            endpoint,
            call: self.call().and_then(|mut call| call.take()),
            model: self.model.clone(),
        }
    }

    /// Notes what the headers of the reply say about the provider's rate limit.
    #[cfg(feature = "axum")]
    pub(super) fn note_headers(&self, headers: &HeaderMap) {
        if let Some(call) = self.call() {
            call.note_headers(headers);
        }
    }

    /// Closes the call of a function that has returned an error.
    pub(super) fn fail(&self) {
        self.call.lock().fail();
    }

    /// Creates the recorder of a stream that can be wrapped. Outside any request, there is none if
    /// the global instance is disabled.
    pub(super) fn recorder(&self) -> Option<StreamRecorder> {
        self.recorder_for(BodyContent::Readable)
    }

    /// Creates the recorder of a stream whose response head says whether its bytes can be parsed.
    pub(super) fn recorder_for(&self, content: BodyContent) -> Option<StreamRecorder> {
        let in_request = request::serving(|scope| {
            let info = self.info(content, scope.endpoint_for_site(self.site));
            StreamRecorder::in_request(scope, info)
        });
        match in_request {
            Serving::Request(recorder) => recorder,
            Serving::Disabled => Some(StreamRecorder::disabled()),
            Serving::Nothing => {
                let (endpoint, entered) = self.endpoint_without_scope()?;
                StreamRecorder::without_scope(self.info(content, endpoint), entered)
            }
        }
    }

    /// Returns the endpoint of a stream that is created outside the task of a request, and when the
    /// request arrived. Returns `None` if the instance that would record it is disabled.
    fn endpoint_without_scope(&self) -> Option<(&'static EndpointSeries, Instant)> {
        let named = Some(self.site).filter(|site| site.endpoint().is_some());
        if let Some(request) = current_request_calls() {
            return Some((request.endpoint(named), request.entered()));
        }
        let metrics = Instance::for_site_outside_requests(self.site)?;
        Some((metrics.endpoints().for_site(self.site), Instant::now()))
    }

    /// Leaves the call of a response without a body open, for its request to close.
    #[cfg(feature = "axum")]
    pub(super) fn leave_call_open(&self) {
        if let Some(call) = self.call.lock().take() {
            call.leave_open();
        }
    }

    /// Records a WebSocket at the endpoint of this function, and under its model.
    #[cfg(feature = "ws")]
    pub(super) fn place_socket(&self, socket: &SocketStream) {
        let endpoint = match request::serving(|scope| scope.endpoint_for_site(self.site)) {
            Serving::Request(endpoint) => Some(endpoint),
            Serving::Disabled => None,
            Serving::Nothing => self.endpoint_without_scope().map(|(endpoint, _)| endpoint),
        };
        if let Some(endpoint) = endpoint {
            socket.place(endpoint, self.model.clone());
        }
    }

    /// Makes the layer meter the body of the response that the return value becomes, because the
    /// stream cannot be reached in the return value. Logs a warning once if there is no layer.
    #[cfg(feature = "axum")]
    pub(super) fn expect_body(&self, events_only: bool) {
        let expected = request::serving(|scope| {
            let info = self.info(BodyContent::Readable, scope.endpoint_for_site(self.site));
            let call = info.call.clone();
            scope.expect_stream(StreamInfo { events_only, ..info });
            // The request closes the call if the response turns out to have no body.
            call.map(LlmCall::leave_open)
        });
        if let Serving::Nothing = expected {
            self.leave_call_open();
            if Instance::outside_requests().is_some() && self.site.is_first_without_layer() {
                warn_stream_without_layer(self.site.function());
            }
        }
    }
}

/// A return value whose stream can be metered without changing its type.
#[diagnostic::on_unimplemented(
    message = "`#[streaming_metrics]` cannot meter a `{Self}`",
    label = "neither a stream that can be metered in place nor a response",
    note = "return `impl Stream`, `Pin<Box<dyn Stream + Send>>`, or any type that implements axum's \
            `IntoResponse`, such as `Response`, `Sse<…>` or a tuple with a status; or a `Result` of one of them"
)]
pub trait StreamReply: Sized {
    /// Meters the stream and returns the value.
    #[must_use]
    fn meter(self, start: &StreamStart) -> Self;
}

/// Meters the value in a `Result`.
///
/// # Errors
///
/// Returns the error of `reply`.
pub fn meter_ok<T, E, R>(
    start: &StreamStart,
    reply: Result<T, E>,
    meter: impl FnOnce(T) -> R,
) -> Result<R, E> {
    if reply.is_err() {
        start.fail();
    }
    reply.map(meter)
}

/// Meters the stream that a function returns as `impl Stream`.
pub fn stream<S>(start: &StreamStart, stream: S) -> MeteredStream<S>
where
    S: Stream,
    S::Item: StreamChunk,
{
    MeteredStream::new(stream, start.recorder())
}

impl<'a, T: StreamChunk + 'a> StreamReply for Pin<Box<dyn Stream<Item = T> + 'a>> {
    fn meter(self, start: &StreamStart) -> Self {
        Box::pin(stream(start, self))
    }
}

impl<'a, T: StreamChunk + 'a> StreamReply for Pin<Box<dyn Stream<Item = T> + Send + 'a>> {
    fn meter(self, start: &StreamStart) -> Self {
        Box::pin(stream(start, self))
    }
}

impl<'a, T: StreamChunk + 'a> StreamReply for Pin<Box<dyn Stream<Item = T> + Send + Sync + 'a>> {
    fn meter(self, start: &StreamStart) -> Self {
        Box::pin(stream(start, self))
    }
}

impl<T: StreamReply, E> StreamReply for Result<T, E> {
    fn meter(self, start: &StreamStart) -> Self {
        meter_ok(start, self, |reply| reply.meter(start))
    }
}

impl EnterCall for StreamStart {
    fn enter_call(&self) -> EnteredCall {
        self.call.lock().enter()
    }

    fn note_failure(&self, error: CallErrorType) {
        self.call.lock().note_failure(error);
    }
}
