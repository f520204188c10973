//! How each kind of reply has its stream metered.

use std::pin::Pin;
use std::sync::Arc;

use futures_core::Stream;

use super::{MeteredStream, StreamChunk, StreamRecorder};
use crate::call::{OpenCall, handoff};
use crate::callsite::Site;
use crate::label::Label;
use crate::media_type::BodyContent;
use crate::metrics::Metrics;
use crate::request::{self, Scope, StreamInfo};
use crate::series::EndpointSeries;

/// A stream that an annotated function is about to return.
pub struct StreamStart {
    site: &'static Site,
    provider: Label,
    model: Label,
    /// The call that another attribute of the same function has begun just before, it may be.
    begun: Option<OpenCall>,
}

impl StreamStart {
    /// The stream of a site; `provider` and `model` are empty where they are not known.
    #[must_use]
    pub fn new(site: &'static Site, provider: Label, model: Label) -> Self {
        let begun = site.protocol().and_then(|_| {
            request::current(|scope| scope.calls().newest_of(site).map(OpenCall::detached))
                .unwrap_or_else(|| handoff::handed_to(site))
        });
        Self { site, provider, model, begun }
    }

    /// The claim within a request. Of the calls that the function has open at once its own is the one that
    /// has been left open just now, where the other attribute stands inside, else the one begun before.
    fn claim_in(&self, scope: &mut Scope) -> StreamInfo {
        let begun = || self.begun.as_ref().map(OpenCall::id);
        let call = scope.calls().left_of(self.site).or_else(begun);
        StreamInfo { call, ..self.claim(scope.endpoint_for_site(self.site)) }
    }

    /// The same call outside any request.
    fn call_outside(&self) -> Option<OpenCall> {
        handoff::handed_to(self.site).or_else(|| {
            let call = self.begun.as_ref()?.detached();
            handoff::taken(call.id());
            Some(call)
        })
    }

    fn claim(&self, endpoint: Arc<EndpointSeries>) -> StreamInfo {
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

    /// A record of its own, for a stream that can be wrapped.
    pub(super) fn recorder(&self) -> Option<StreamRecorder> {
        self.recorder_of(BodyContent::Readable)
    }

    /// The same, where a response's head has something to say of it.
    pub(super) fn recorder_of(&self, content: BodyContent) -> Option<StreamRecorder> {
        request::current(|scope| {
            let claim = self.claim_in(scope);
            StreamRecorder::inside(scope, &StreamInfo { content, ..claim })
        })
        .unwrap_or_else(|| {
            let endpoint = Arc::clone(Metrics::global().endpoints().for_site(self.site));
            let claim = self.claim(endpoint);
            let call = self.call_outside();
            Some(StreamRecorder::outside(&StreamInfo { content, ..claim }, call))
        })
    }

    /// Lets the layer meter the body of the response that a reply becomes, which nobody else can.
    /// Without a layer that is said once.
    #[cfg(feature = "axum")]
    pub(super) fn claim_body(&self, events: bool) {
        let claimed = request::current(|scope| {
            let claim = self.claim_in(scope);
            scope.expect_stream(StreamInfo { events_only: events, ..claim });
        });
        if claimed.is_none() && self.site.warns_now() {
            tracing::warn!(
                function = self.site.function(),
                "#[streaming_metrics] meters this response through `PrometheusLayer`, and no such \
                 layer serves the request: nothing is recorded"
            );
        }
    }
}

/// A reply whose stream can be metered without changing the reply's type.
#[diagnostic::on_unimplemented(
    message = "`#[streaming_metrics]` cannot meter a `{Self}`",
    label = "not a stream that can be metered in place",
    note = "return `impl Stream`, `Pin<Box<dyn Stream + Send>>`, `Sse<…>`, `Response`, `Body`, or a \
            `Result` of one of them"
)]
pub trait StreamReply: Sized {
    /// The same reply, metered.
    #[must_use]
    fn meter(self, start: &StreamStart) -> Self;
}

/// Meters a reply of a type that can be asked.
pub fn meter<R: StreamReply>(start: &StreamStart, reply: R) -> R {
    reply.meter(start)
}

/// Meters the stream behind an `impl Stream`.
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
