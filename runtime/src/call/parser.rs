//! The reply of a call, parsed from the bytes that pass.

use std::borrow::Cow;
use std::mem;
use std::sync::Arc;
use std::time::Instant;

use super::{EnteredCall, LlmCall, Reply, StreamTimes, UsageSource};
use crate::llm::{ChunkFindings, Completion, Protocol, ReplyReader};
use crate::media_type::BodyContent;
#[cfg(feature = "reqwest")]
use crate::outcome::CallErrorType;
use crate::outcome::{ProtocolErrors, ReplyEnd, StreamOutcome, Unread};

/// Parses the reply of a call as its bytes pass, and closes the call when the reply has ended.
pub(crate) struct ReplyParser {
    reader: ReplyReader,
    content: BodyContent,
    call: Arc<LlmCall>,
    /// A second reference to the call, which is lent to the thread while the source is polled.
    /// `None` before the first poll has ended, and while the source is polled.
    lent: Option<Arc<LlmCall>>,
    /// Whether a chunk with more than comments has arrived.
    has_chunk: bool,
    /// Where error events are reported; `None` if the reply is not the response of a request.
    protocol_errors: Option<Arc<ProtocolErrors>>,
    /// Whether the reply has contained an error event.
    has_failed: bool,
    times: Option<StreamTimes>,
}

impl ReplyParser {
    /// Creates a parser for a reply that is in memory, in the protocol that the attribute of `call`
    /// names.
    pub(crate) fn new(call: Arc<LlmCall>, content: BodyContent) -> Box<Self> {
        let protocol = call.site().protocol();
        Self::with_protocol(call, protocol, content)
    }

    /// Creates a parser for the body or the stream that the function of `call` returns.
    pub(crate) fn for_body(call: Arc<LlmCall>, content: BodyContent) -> Box<Self> {
        let protocol = call.site().protocol();
        Self::with_protocol(call.with_body(), protocol, content)
    }

    fn with_protocol(
        call: Arc<LlmCall>,
        protocol: Option<Protocol>,
        content: BodyContent,
    ) -> Box<Self> {
        call.begin_parsing();
        // Unreadable bytes show no end marker, so they must not count as truncated.
        let protocol = protocol.filter(|_| content.is_readable());
        Box::new(Self {
            reader: ReplyReader::new(protocol.unwrap_or(Protocol::Auto)),
            content,
            call,
            lent: None,
            has_chunk: false,
            protocol_errors: None,
            has_failed: false,
            times: None,
        })
    }

    /// Reports error events to the request whose response the reply is.
    pub(crate) fn report_errors_to(&mut self, protocol_errors: Arc<ProtocolErrors>) {
        self.protocol_errors = Some(protocol_errors);
    }

    /// Returns whether the bytes of the reply can be parsed: they are not compressed, for example.
    pub(crate) fn is_readable(&self) -> bool {
        self.content.is_readable()
    }

    /// Must be called before each poll or drop of the source. While the returned guard exists, what
    /// the source does is part of the call.
    pub(crate) fn enter(&mut self) -> EnteredCall {
        EnteredCall::lending(self.lent.take().unwrap_or_else(|| Arc::clone(&self.call)))
    }

    /// Drops the guard of a poll. The next poll is then entered without touching the reference
    /// count of the call.
    pub(crate) fn leave(&mut self, entered: EnteredCall) {
        self.lent = entered.leave().filter(|call| Arc::ptr_eq(call, &self.call));
    }

    /// Parses a chunk. `ready` returns when it was ready.
    pub(crate) fn read(&mut self, bytes: &[u8], ready: impl FnOnce() -> Instant) -> ChunkFindings {
        if !self.is_readable() {
            return ChunkFindings::default();
        }
        let findings = self.reader.read(bytes);
        if !self.has_chunk && !findings.is_keep_alive(bytes) {
            self.has_chunk = true;
            self.call.note_chunk(bytes);
        }
        if findings.content {
            self.note_content(ready(), findings.answer);
        }
        findings
    }

    fn note_content(&mut self, at: Instant, is_answer: bool) {
        let first = StreamTimes { first_token: at, first_answer: None, last_token: at };
        let times = self.times.get_or_insert(first);
        times.last_token = at;
        if is_answer && times.first_answer.is_none() {
            times.first_answer = Some(at);
        }
    }

    /// Notes why the call fails.
    #[cfg(feature = "reqwest")]
    pub(crate) fn note_failure(&self, error: CallErrorType) {
        self.call.note_failure(error);
    }

    /// Reports an error event of the stream, which makes the request fail.
    pub(crate) fn fail(&mut self) {
        if mem::replace(&mut self.has_failed, true) {
            return;
        }
        if let Some(errors) = &self.protocol_errors {
            errors.add();
        }
    }

    /// Parses the end of the source. The last line may lack its line end.
    pub(crate) fn end(&mut self) -> ChunkFindings {
        self.reader.end()
    }

    /// Returns the `error_type` label of the reply's error event, if there was one: the type that
    /// the reply names, if any.
    pub(crate) fn error_type(&self) -> Option<&str> {
        let error_type = self.reader.error_type().unwrap_or(StreamOutcome::ErrorEvent.as_str());
        Some(error_type).filter(|_| self.reader.failed())
    }

    /// Returns whether the reply names the type of its error.
    pub(crate) fn has_error_type(&self) -> bool {
        self.reader.error_type().is_some()
    }

    /// Returns how the stream ended, if the protocol shows it. `source_ended` is false for a stream
    /// that was dropped before its end.
    pub(crate) fn outcome(&self, source_ended: bool) -> Option<StreamOutcome> {
        Some(match self.reader.completion(source_ended)? {
            Completion::Complete => StreamOutcome::Complete,
            Completion::Truncated => StreamOutcome::Truncated,
            Completion::ErrorEvent => StreamOutcome::ErrorEvent,
        })
    }

    /// Returns the model that an attribute names, else the one that the reply names.
    pub(crate) fn model(&self) -> &str {
        match self.call.named_model() {
            "" => self.reader.model().unwrap_or_default(),
            model => model,
        }
    }

    /// Closes the call, whose reply ended with `outcome`.
    pub(crate) fn close(mut self, outcome: StreamOutcome) {
        self.lent = None;
        let reader = &self.reader;
        let unread = if !self.is_readable() || (reader.unparsed() && reader.usage().is_none()) {
            Unread::Usage
        } else if reader.is_partly_unread() {
            Unread::Partly
        } else {
            Unread::Nothing
        };
        let is_streamed = self.content != BodyContent::Document && reader.is_streamed();
        self.call.finish(&Reply {
            end: ReplyEnd::from(outcome),
            finish: reader.finish_reason(),
            usage: reader.usage(),
            usage_by_other_models: reader
                .usage_by_other_models()
                .map(|(model, usage)| (Cow::Borrowed(model), usage))
                .collect(),
            usage_source: UsageSource::Bytes,
            unread,
            model: reader.model().map(Cow::Borrowed),
            operation: reader.operation(),
            service_tier: reader.service_tier().map(Cow::Borrowed),
            provider_cost: reader.provider_cost(),
            times: self.times.filter(|_| is_streamed),
        });
        if let Some(errors) = self.protocol_errors.filter(|_| self.has_failed) {
            errors.retract();
        }
    }
}
