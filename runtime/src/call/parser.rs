//! The model call behind a reply, read from the bytes that pass.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::call::{ManualUsage, OpenCall};
use crate::llm::Protocol;
use crate::llm::{Reader, Seen};
use crate::media_type::BodyContent;
use crate::outcome::StreamOutcome;
use crate::outcome::{ProtocolErrors, Termination};
use crate::series::{EndpointSeries, PaceSeries};
use crate::usage::{FinishReason, MissingReason};

/// Reads a reply's protocol, and closes its call with what that has told.
pub(crate) struct ReplyParser {
    reader: Reader,
    /// Whether the bytes can be read at all.
    pub(crate) readable: bool,
    /// The endpoint whose pace families the reply is recorded in, if it is a metered stream.
    pace_endpoint: Option<Arc<EndpointSeries>>,
    call: OpenCall,
    /// Where the call's tokens belong.
    tokens_endpoint: Arc<EndpointSeries>,
    manual_usage: Arc<ManualUsage>,
    /// Where the request hears of failures, and whether it has heard of this one.
    protocol_errors: Option<Arc<ProtocolErrors>>,
    failed: bool,
    /// The reply has named a model, and its pace is known.
    paced: bool,
    /// When the first and the last item with content were ready.
    content: Option<(Instant, Instant)>,
}

impl ReplyParser {
    /// Creates a parser for the reply of `call`, whose tokens belong to `tokens_endpoint`.
    pub(crate) fn new(
        mut call: OpenCall,
        protocol: Protocol,
        content: BodyContent,
        tokens_endpoint: Arc<EndpointSeries>,
    ) -> Box<Self> {
        let manual_usage = Arc::default();
        call.read(&manual_usage);
        let readable = content == BodyContent::Readable;
        // Bytes that cannot be read have no end marker whose absence would mean `truncated`.
        let protocol = if readable { protocol } else { Protocol::Auto };
        Box::new(Self {
            reader: Reader::new(protocol),
            readable,
            pace_endpoint: None,
            call,
            tokens_endpoint,
            manual_usage,
            protocol_errors: None,
            failed: false,
            paced: false,
            content: None,
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

    /// Also records the pace of the reply, as that of a stream of `endpoint`.
    pub(crate) fn record_pace(&mut self, endpoint: &Arc<EndpointSeries>) {
        self.pace_endpoint = Some(Arc::clone(endpoint));
    }

    /// Reports an error event to the request whose response the reply is.
    pub(crate) fn report_errors_to(&mut self, protocol_errors: Arc<ProtocolErrors>) {
        self.protocol_errors = Some(protocol_errors);
    }

    /// Where usage recorded by hand goes meanwhile.
    pub(crate) fn manual_usage(&self) -> &Arc<ManualUsage> {
        &self.manual_usage
    }

    /// Reads an item that became ready `at`, of a request that `entered` some time before.
    pub(crate) fn read(&mut self, bytes: &[u8], at: Instant, entered: Instant) -> Seen {
        let seen = self.reader.read(bytes);
        self.note(seen, at, entered);
        seen
    }

    /// Reads an item whenever it became ready.
    pub(crate) fn read_untimed(&mut self, bytes: &[u8]) {
        if self.readable {
            self.reader.read(bytes);
        }
    }

    fn note(&mut self, seen: Seen, at: Instant, entered: Instant) {
        if !seen.content {
            return;
        }
        if self.content.is_none() {
            if let Some(pace) = self.pace() {
                pace.first_token().observe_duration(at - entered);
            }
        }
        self.content = Some((self.content.map_or(at, |(first, _)| first), at));
    }

    /// The stream has failed within its protocol, and with it the request.
    pub(crate) fn fail(&mut self) {
        if std::mem::replace(&mut self.failed, true) {
            return;
        }
        if let Some(errors) = &self.protocol_errors {
            errors.add();
        }
    }

    /// The source has ended: the last line may lack its end.
    pub(crate) fn end(&mut self) -> Seen {
        self.reader.end()
    }

    /// What an error within the protocol is called, where it says so itself.
    pub(crate) fn error_type(&self) -> &str {
        self.reader.error().unwrap_or("error_event")
    }

    /// How the stream ended as far as the protocol shows, for a source that has come to its end or was
    /// left before.
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

    /// The model that the attribute names, else the reply.
    fn model(&self) -> &str {
        match self.call.model() {
            "" => self.reader.model().unwrap_or_default(),
            model => model,
        }
    }

    /// The same, once the reply has named its model.
    pub(crate) fn new_pace(&mut self) -> Option<Arc<PaceSeries>> {
        if self.paced || self.model().is_empty() {
            return None;
        }
        self.paced = true;
        self.pace()
    }

    /// The pace of this model at this endpoint.
    fn pace(&self) -> Option<Arc<PaceSeries>> {
        Some(self.pace_endpoint.as_ref()?.pace(self.model()))
    }

    /// Closes the call of a stream that ended so.
    pub(crate) fn close(mut self, outcome: StreamOutcome) {
        let (ending, otherwise) = match outcome {
            StreamOutcome::Complete | StreamOutcome::Truncated => {
                (Termination::Complete, FinishReason::Unknown)
            }
            StreamOutcome::ClientDisconnect => {
                (Termination::ClientDisconnected, FinishReason::Cancelled)
            }
            StreamOutcome::StreamError | StreamOutcome::ErrorEvent | StreamOutcome::Panic => {
                (Termination::Failed, FinishReason::Error)
            }
        };
        let finish = match self.reader.finish_reason() {
            FinishReason::Unknown => otherwise,
            told => told,
        };
        let series = self.call.series(&self.tokens_endpoint, self.reader.model());
        let missing = match ending {
            _ if self.call.is_recorded() => None,
            _ if !self.readable || self.reader.unparsed() => Some(MissingReason::Unparsed),
            Termination::ClientDisconnected => Some(MissingReason::Disconnected),
            _ => Some(MissingReason::NotSent),
        };
        let usage = self.manual_usage.count(self.reader.usage(), series, finish, missing);
        if let Some(usage) = usage.filter(|_| outcome == StreamOutcome::Complete) {
            self.observe_output_token(usage.output_tokens());
        }
        self.call.mark_recorded();
        self.call.close(&self.tokens_endpoint, ending);
        if let Some(errors) = self.protocol_errors.filter(|_| self.failed) {
            errors.retract();
        }
    }

    /// The mean time of the output tokens after the first.
    fn observe_output_token(&self, tokens: Option<u64>) {
        if let (Some((first, last)), Some(tokens @ 2..), Some(pace)) =
            (self.content, tokens, self.pace())
        {
            let gaps = u32::try_from(tokens - 1).unwrap_or(u32::MAX);
            let mean: Duration = (last - first) / gaps;
            pace.output_token().observe_duration(mean);
        }
    }
}
