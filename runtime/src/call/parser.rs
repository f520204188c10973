//! The reply of a call, parsed from the bytes that pass.

use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{ManualUsage, OpenCall};
use crate::llm::{ChunkFindings, Protocol, ReplyReader};
use crate::media_type::BodyContent;
use crate::outcome::{ProtocolErrors, StreamOutcome, Termination};
use crate::series::{EndpointSeries, PaceSeries};
use crate::usage::{FinishReason, MissingReason};

/// Parses the reply of a call as its bytes pass, and records the call when the reply has ended.
pub(crate) struct ReplyParser {
    reader: ReplyReader,
    is_readable: bool,
    /// The endpoint whose pace families the reply is recorded in, if it is a metered stream.
    pace_endpoint: Option<Arc<EndpointSeries>>,
    /// Whether the model is known, and the stream records its pace under that model.
    has_model_pace: bool,
    call: OpenCall,
    /// The endpoint whose token families the call is recorded in.
    tokens_endpoint: Arc<EndpointSeries>,
    manual_usage: Arc<ManualUsage>,
    /// Where error events are reported; `None` outside any request.
    protocol_errors: Option<Arc<ProtocolErrors>>,
    /// Whether the reply has contained an error event.
    has_failed: bool,
    /// When the first and the last chunk with generated content were ready.
    content_times: Option<(Instant, Instant)>,
}

impl ReplyParser {
    /// Creates a parser for the reply of `call`, whose tokens are recorded at `tokens_endpoint`.
    pub(crate) fn new(
        mut call: OpenCall,
        protocol: Protocol,
        content: BodyContent,
        tokens_endpoint: Arc<EndpointSeries>,
    ) -> Box<Self> {
        let manual_usage = Arc::default();
        call.forward_handles_to(&manual_usage);
        let is_readable = content == BodyContent::Readable;
        // Unreadable bytes show no end marker, so they must not count as truncated.
        let protocol = if is_readable { protocol } else { Protocol::Auto };
        Box::new(Self {
            reader: ReplyReader::new(protocol),
            is_readable,
            pace_endpoint: None,
            has_model_pace: false,
            call,
            tokens_endpoint,
            manual_usage,
            protocol_errors: None,
            has_failed: false,
            content_times: None,
        })
    }

    /// Creates a parser for the reply of a tracked call, in the protocol that its attribute names.
    pub(crate) fn for_call(
        call: OpenCall,
        content: BodyContent,
        endpoint: Arc<EndpointSeries>,
    ) -> Box<Self> {
        let protocol = call.site().protocol().unwrap_or_default();
        Self::new(call, protocol, content, endpoint)
    }

    /// Also records the pace of the reply, as a stream of `endpoint`.
    pub(crate) fn record_pace(&mut self, endpoint: &Arc<EndpointSeries>) {
        self.pace_endpoint = Some(Arc::clone(endpoint));
    }

    /// Reports error events to the request whose response the reply is.
    pub(crate) fn report_errors_to(&mut self, protocol_errors: Arc<ProtocolErrors>) {
        self.protocol_errors = Some(protocol_errors);
    }

    /// Returns whether the bytes of the reply can be parsed: they are not compressed, for example.
    pub(crate) fn is_readable(&self) -> bool {
        self.is_readable
    }

    /// Returns where usage goes that user code records while the reply is being parsed.
    pub(crate) fn manual_usage(&self) -> &Arc<ManualUsage> {
        &self.manual_usage
    }

    /// Parses a chunk that was ready `at`. The time to the first token starts at `entered`.
    pub(crate) fn read(&mut self, bytes: &[u8], at: Instant, entered: Instant) -> ChunkFindings {
        let findings = self.reader.read(bytes);
        if findings.content {
            self.note_content(at, entered);
        }
        findings
    }

    /// Parses a chunk without recording when it was ready.
    pub(crate) fn read_untimed(&mut self, bytes: &[u8]) {
        if self.is_readable {
            self.reader.read(bytes);
        }
    }

    fn note_content(&mut self, at: Instant, entered: Instant) {
        if self.content_times.is_none() {
            if let Some(pace) = self.pace() {
                pace.first_token().observe_duration(at - entered);
            }
        }
        self.content_times = Some((self.content_times.map_or(at, |(first, _)| first), at));
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

    /// Returns the `error_type` label of an error event: the name that the event gives, if any.
    pub(crate) fn error_type(&self) -> &str {
        self.reader.error_type().unwrap_or(StreamOutcome::ErrorEvent.as_str())
    }

    /// Returns how the stream ended, if the protocol shows it. `source_ended` is false for a stream
    /// that was dropped before its end.
    pub(crate) fn outcome(&self, source_ended: bool) -> Option<StreamOutcome> {
        if self.reader.failed() {
            Some(StreamOutcome::ErrorEvent)
        } else if self.reader.ended() {
            Some(StreamOutcome::Complete)
        } else if source_ended && self.reader.has_end_marker() {
            Some(StreamOutcome::Truncated)
        } else {
            None
        }
    }

    /// Returns the model that the attribute names, else the one that the reply names.
    fn model(&self) -> &str {
        match self.call.model() {
            "" => self.reader.model().unwrap_or_default(),
            model => model,
        }
    }

    /// Returns the pace series of the model, once: when the model becomes known.
    pub(crate) fn take_model_pace(&mut self) -> Option<Arc<PaceSeries>> {
        if self.has_model_pace || self.model().is_empty() {
            return None;
        }
        self.has_model_pace = true;
        self.pace()
    }

    fn pace(&self) -> Option<Arc<PaceSeries>> {
        Some(self.pace_endpoint.as_ref()?.pace(self.model()))
    }

    /// Records the call, whose stream ended with `outcome`.
    pub(crate) fn close(mut self, outcome: StreamOutcome) {
        let termination = Termination::from(outcome);
        let finish = match self.reader.finish_reason() {
            FinishReason::Unknown => termination.finish_reason(),
            finish => finish,
        };
        let series = self.call.series(&self.tokens_endpoint, self.reader.model());
        let missing = if self.call.is_recorded() {
            None
        } else if !self.is_readable || self.reader.unparsed() {
            Some(MissingReason::Unparsed)
        } else {
            Some(termination.missing_reason())
        };
        let usage = self.manual_usage.record_call(self.reader.usage(), series, finish, missing);
        if let Some(usage) = usage.filter(|_| outcome == StreamOutcome::Complete) {
            self.observe_time_per_output_token(usage.output_tokens());
        }
        self.call.mark_recorded();
        self.call.close(&self.tokens_endpoint, termination);
        if let Some(errors) = self.protocol_errors.filter(|_| self.has_failed) {
            errors.retract();
        }
    }

    /// Records the mean time between output tokens: from the first chunk with content to the last,
    /// divided by the number of tokens after the first.
    fn observe_time_per_output_token(&self, tokens: Option<u64>) {
        if let (Some((first, last)), Some(tokens @ 2..), Some(pace)) =
            (self.content_times, tokens, self.pace())
        {
            let gaps = u32::try_from(tokens - 1).unwrap_or(u32::MAX);
            let mean: Duration = (last - first) / gaps;
            pace.output_token().observe_duration(mean);
        }
    }
}
