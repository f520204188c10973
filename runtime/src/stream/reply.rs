//! Metering the stream in the return value of an annotated function.

use std::pin::Pin;
use std::sync::Arc;

use futures_core::Stream;

use super::{MeteredStream, StreamChunk, StreamRecorder};
use crate::call::{EnterCall, EnteredCall};
use crate::call::{OpenCall, handoff};
use crate::callsite::Site;
use crate::label::Label;
use crate::media_type::BodyContent;
use crate::metrics::Metrics;
use crate::request::{self, Scope, StreamInfo};
use crate::series::EndpointSeries;

/// The start of an annotated function that returns a stream.
pub struct StreamStart {
    site: &'static Site,
    provider: Label,
    model: Label,
    /// The call that another attribute of the same function has begun just before.
    begun: Option<OpenCall>,
}

impl StreamStart {
    /// Starts the function of a call site. `provider` and `model` are empty if they are not known.
    #[must_use]
    pub fn new(site: &'static Site, provider: Label, model: Label) -> Self {
        let begun = site.protocol().and_then(|_| {
            request::current(|scope| scope.calls().newest_for_site(site).map(OpenCall::detached))
                .unwrap_or_else(|| handoff::take_for_site(site))
        });
        Self { site, provider, model, begun }
    }

    /// Describes the stream within a request. The function may run several times at once. The call
    /// of this stream is the one that was just left, if the other attribute is the inner one, else
    /// the one that was begun before.
    fn info_in_request(&self, scope: &mut Scope) -> StreamInfo {
        let begun = || self.begun.as_ref().map(OpenCall::id);
        let call = scope.calls().take_just_left(self.site).or_else(begun);
        StreamInfo { call, ..self.info(scope.endpoint_for_site(self.site)) }
    }

    /// Takes the call of this stream outside any request.
    fn take_call_without_request(&self) -> Option<OpenCall> {
        handoff::take_for_site(self.site).or_else(|| {
            let call = self.begun.as_ref()?.detached();
            handoff::note_taken(call.id());
            Some(call)
        })
    }

    fn info(&self, endpoint: Arc<EndpointSeries>) -> StreamInfo {
        StreamInfo {
            events_only: false,
            call: None,
            content: BodyContent::Readable,
            endpoint,
            site: Some(self.site),
            provider: self.provider.clone(),
            model: self.model.clone(),
        }
    }

    /// Creates the recorder of a stream that can be wrapped.
    pub(super) fn recorder(&self) -> Option<StreamRecorder> {
        self.recorder_for(BodyContent::Readable)
    }

    /// Creates the recorder of a stream whose response head says whether its bytes can be parsed.
    pub(super) fn recorder_for(&self, content: BodyContent) -> Option<StreamRecorder> {
        request::current(|scope| {
            let info = self.info_in_request(scope);
            StreamRecorder::in_request(scope, &StreamInfo { content, ..info })
        })
        .unwrap_or_else(|| {
            let endpoint = Arc::clone(Metrics::global().endpoints().for_site(self.site));
            let info = self.info(endpoint);
            let call = self.take_call_without_request();
            Some(StreamRecorder::without_request(&StreamInfo { content, ..info }, call))
        })
    }

    /// Makes the layer meter the body of the response that the return value becomes, because the
    /// stream cannot be reached in the return value. Logs a warning once if there is no layer.
    #[cfg(feature = "axum")]
    pub(super) fn expect_body(&self, events_only: bool) {
        let expected = request::current(|scope| {
            let info = self.info_in_request(scope);
            scope.expect_stream(StreamInfo { events_only, ..info });
        });
        if expected.is_none() && self.site.is_first_warning() {
            tracing::warn!(
                function = self.site.function(),
                "#[streaming_metrics] meters this response through `PrometheusLayer`, but no such \
                 layer serves the request: the stream is not recorded"
            );
        }
    }
}

/// A return value whose stream can be metered without changing its type.
#[diagnostic::on_unimplemented(
    message = "`#[streaming_metrics]` cannot meter a `{Self}`",
    label = "not a stream that can be metered in place",
    note = "return `impl Stream`, `Pin<Box<dyn Stream + Send>>`, `Sse<…>`, `Response`, `Body`, or a \
            `Result` of one of them"
)]
pub trait StreamReply: Sized {
    /// Meters the stream and returns the value.
    #[must_use]
    fn meter(self, start: &StreamStart) -> Self;
}

/// Meters the stream of a return value whose type implements [`StreamReply`].
pub fn meter<R: StreamReply>(start: &StreamStart, reply: R) -> R {
    reply.meter(start)
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
        self.map(|reply| reply.meter(start))
    }
}

impl EnterCall for StreamStart {
    fn enter_call(&self) -> EnteredCall {
        EnteredCall { _private: () }
    }
}
