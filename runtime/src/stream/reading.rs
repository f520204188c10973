//! The model call behind a reply, read from the bytes that pass.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::family::{FinishReason, MissingReason, StreamOutcome};
use crate::metrics::Metrics;
use crate::protocol::Protocol;
use crate::request::{
    ByHand, Content, Ending, Failures, Label, OpenCall, Scope, SourceRuns, StreamClaim,
};
use crate::site::{EndpointSeries, PaceSeries, Site};
use crate::wire::{Reader, Seen};

/// The site of a claim, if it has a model's call behind it.
fn reads(claim: &StreamClaim) -> Option<&'static Site> {
    claim.site.filter(|site| site.protocol().is_some() && claim.content != Content::Error)
}

/// Reads a reply's protocol, and closes its call with what that has told.
pub(crate) struct Reading {
    reader: Reader,
    /// Whether the bytes can be read at all.
    pub(super) readable: bool,
    /// Where its pace is recorded, if that is to be.
    pace: Option<Arc<EndpointSeries>>,
    call: OpenCall,
    /// Where the call's tokens belong.
    tokens_endpoint: Arc<EndpointSeries>,
    by_hand: Arc<ByHand>,
    /// There while the source is dropped.
    source_drops: Option<SourceRuns>,
    /// Where the request hears of failures, and whether it has heard of this one.
    failures: Option<Arc<Failures>>,
    failed: bool,
    /// The reply has named a model, and its pace is known.
    paced: bool,
    /// When the first and the last item with content were ready.
    content: Option<(Instant, Instant)>,
}

impl Reading {
    /// The reading of a stream that is made while a request is served, if its attribute names a protocol.
    /// Where the function is tracked as well, there is one call of the model, not two.
    pub(super) fn inside(scope: &mut Scope, claim: &StreamClaim) -> Option<Box<Self>> {
        reads(claim)?;
        let begun = claim.call.and_then(|id| scope.calls().end(id));
        let tokens_endpoint = begun
            .as_ref()
            .filter(|call| call.site().endpoint().is_some())
            .map(|call| scope.endpoint_of(call.site()));
        let mut reading = Self::of(claim, begun, tokens_endpoint)?;
        reading.failures = Some(scope.failures());
        scope.readings().begin(&reading.by_hand);
        Some(reading)
    }

    /// The reading of a stream that no request is known of.
    pub(super) fn outside(claim: &StreamClaim, call: Option<OpenCall>) -> Option<Box<Self>> {
        let named = call.as_ref().map(OpenCall::site).filter(|site| site.endpoint().is_some());
        let tokens_endpoint =
            named.map(|site| Arc::clone(Metrics::global().endpoints().of_site(site)));
        Self::of(claim, call, tokens_endpoint)
    }

    fn of(
        claim: &StreamClaim,
        begun: Option<OpenCall>,
        tokens_endpoint: Option<Arc<EndpointSeries>>,
    ) -> Option<Box<Self>> {
        let site = reads(claim)?;
        let new = || OpenCall::new(site, Label::Static(""), Label::Static(""));
        let call = begun.unwrap_or_else(new).or(claim.provider.clone(), claim.model.clone());
        let protocol = site.protocol()?;
        let tokens_endpoint = tokens_endpoint.unwrap_or_else(|| Arc::clone(&claim.endpoint));
        let mut reading = Self::new(call, protocol, claim.content, tokens_endpoint);
        reading.pace = Some(Arc::clone(&claim.endpoint));
        Some(Box::new(reading))
    }

    /// The reading of a tracked call's reply, whose pace is nobody's concern.
    pub(crate) fn of_call(
        call: OpenCall,
        content: Content,
        endpoint: Arc<EndpointSeries>,
    ) -> Box<Self> {
        let protocol = call.site().protocol().unwrap_or_default();
        Box::new(Self::new(call, protocol, content, endpoint))
    }

    fn new(
        mut call: OpenCall,
        protocol: Protocol,
        content: Content,
        tokens_endpoint: Arc<EndpointSeries>,
    ) -> Self {
        let by_hand = Arc::default();
        call.read(&by_hand);
        let readable = content == Content::Readable;
        // Of bytes that cannot be read, none are missing at the end.
        let protocol = if readable { protocol } else { Protocol::Auto };
        Self {
            reader: Reader::new(protocol),
            readable,
            pace: None,
            call,
            tokens_endpoint,
            by_hand,
            source_drops: None,
            failures: None,
            failed: false,
            paced: false,
            content: None,
        }
    }

    /// Where usage recorded by hand goes meanwhile.
    pub(super) fn by_hand(&self) -> &Arc<ByHand> {
        &self.by_hand
    }

    /// Reads an item that became ready `at`, of a request that `entered` some time before.
    pub(super) fn read(&mut self, bytes: &[u8], at: Instant, entered: Instant) -> Seen {
        let seen = self.reader.read(bytes);
        self.note(seen, at, entered);
        seen
    }

    /// Reads an item whenever it became ready.
    pub(super) fn read_untimed(&mut self, bytes: &[u8]) {
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
    pub(super) fn fail(&mut self) {
        if std::mem::replace(&mut self.failed, true) {
            return;
        }
        if let Some(failures) = &self.failures {
            failures.add();
        }
    }

    /// What is recorded by hand until this is dropped, the source records.
    pub(super) fn source_runs(&self) -> SourceRuns {
        SourceRuns::now(&self.by_hand)
    }

    /// The source is about to be dropped: what it records then is its too.
    pub(super) fn drop_begins(&mut self) {
        self.source_drops = Some(self.source_runs());
    }

    /// The source has ended: the last line may lack its end.
    pub(super) fn end(&mut self) -> Seen {
        self.reader.end()
    }

    /// What an error within the protocol is called, where it says so itself.
    pub(super) fn error_type(&self) -> &str {
        self.reader.error().unwrap_or("error_event")
    }

    /// How the stream ended as far as the protocol shows, for a source that has come to its end or was
    /// left before.
    pub(super) fn outcome(&self, source_ended: bool) -> Option<StreamOutcome> {
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
    pub(super) fn new_pace(&mut self) -> Option<Arc<PaceSeries>> {
        if self.paced || self.model().is_empty() {
            return None;
        }
        self.paced = true;
        self.pace()
    }

    /// The pace of this model at this endpoint.
    fn pace(&self) -> Option<Arc<PaceSeries>> {
        Some(self.pace.as_ref()?.pace(self.model()))
    }

    /// Closes the call of a stream that ended so.
    pub(super) fn close(mut self, outcome: StreamOutcome) {
        let (ending, otherwise) = match outcome {
            StreamOutcome::Complete | StreamOutcome::Truncated => {
                (Ending::Complete, FinishReason::Unknown)
            }
            StreamOutcome::ClientDisconnect => (Ending::Left, FinishReason::Cancelled),
            StreamOutcome::StreamError | StreamOutcome::ErrorEvent | StreamOutcome::Panic => {
                (Ending::Failed, FinishReason::Error)
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
            Ending::Left => Some(MissingReason::Disconnected),
            _ => Some(MissingReason::NotSent),
        };
        let usage = self.by_hand.count(self.reader.usage(), series, finish, missing);
        if let Some(usage) = usage.filter(|_| outcome == StreamOutcome::Complete) {
            self.observe_output_token(usage.output_tokens());
        }
        self.call.settle();
        self.call.close(&self.tokens_endpoint, ending);
        if let Some(failures) = self.failures.filter(|_| self.failed) {
            failures.forgive();
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
