//! The counters and times of one stream.

use std::mem;
use std::time::{Duration, Instant};

use super::nesting::InstanceId;
use crate::family::Batch;
use crate::llm::CommentCounter;
use crate::outcome::StreamOutcome;
use crate::request::{self, StreamInfo};
use crate::series::{EndpointSeries, PaceSeries, StreamSeries};

/// Chunks are counted locally and added to the shared counters after this many chunks or bytes, or
/// after this time, whichever comes first.
const FLUSH_CHUNKS: u64 = 64;
const FLUSH_BYTES: u64 = 64 * 1024;
const FLUSH_AFTER: Duration = Duration::from_millis(250);

/// Counts the chunks of one stream and measures the time between them.
///
/// Counts stay local until the next flush. Most chunks therefore need one clock read, and otherwise
/// change only values of this meter.
pub(super) struct StreamMeter {
    endpoint: &'static EndpointSeries,
    series: &'static StreamSeries,
    /// Whether the pace is recorded under a model.
    has_model: bool,
    pace: &'static PaceSeries,
    framing: StreamFraming,
    /// When the request arrived; outside any request, when the stream was created.
    entered: Instant,
    started: Option<Instant>,
    last_chunk: Option<Instant>,
    flush_at: Instant,
    unflushed_chunks: u64,
    unflushed_bytes: u64,
    unflushed_gaps: Batch,
}

/// The framing of the stream's bytes. Only a response names it, in its `Content-Type`.
enum StreamFraming {
    Unknown,
    /// Server-sent events, whose comments are no payload.
    Events(CommentCounter),
    /// Anything else: there are no comments.
    Other,
}

impl StreamMeter {
    /// Opens the record of a stream that belongs to a request that arrived at `entered`.
    pub(super) fn new(info: &StreamInfo, entered: Instant) -> Self {
        let series = info.endpoint.stream();
        series.active.inc();
        Self {
            endpoint: info.endpoint,
            series,
            has_model: !info.model.is_empty(),
            pace: info.endpoint.pace(&info.model),
            framing: StreamFraming::Unknown,
            entered,
            started: None,
            last_chunk: None,
            flush_at: entered,
            unflushed_chunks: 0,
            unflushed_bytes: 0,
            unflushed_gaps: Batch::default(),
        }
    }

    /// Sets whether the bytes are server-sent events.
    pub(super) fn set_event_stream(&mut self, is_event_stream: bool) {
        self.framing = if is_event_stream {
            StreamFraming::Events(CommentCounter::new())
        } else {
            StreamFraming::Other
        };
    }

    /// Returns whether the stream was polled.
    pub(super) fn is_polled(&self) -> bool {
        self.started.is_some()
    }

    /// Returns whether a chunk has been counted.
    pub(super) fn has_chunk(&self) -> bool {
        self.last_chunk.is_some()
    }

    /// Returns the instance that meters the stream.
    pub(super) fn instance(&self) -> InstanceId {
        InstanceId(self.endpoint.instance_address())
    }

    /// Takes the stream back, as if it had never been created: a stream around it is metered.
    pub(super) fn withdraw(self) {
        self.series.active.dec();
    }

    /// Notes that the stream is polled. Its lifetime starts with the first poll, or with the
    /// response head if that was earlier.
    pub(super) fn note_poll(&mut self) {
        if self.started.is_none() {
            self.started = Some(head_at().unwrap_or_else(Instant::now));
        }
    }

    /// Returns whether comments are looked for in the bytes of an item that no parser reads.
    #[inline]
    pub(super) fn counts_comments(&self) -> bool {
        matches!(self.framing, StreamFraming::Events(_))
    }

    /// Returns how many bytes of an item belong to comments, if the framing is known.
    pub(super) fn count_comment_bytes(&mut self, bytes: &[u8]) -> usize {
        match &mut self.framing {
            StreamFraming::Events(counter) => counter.count(bytes),
            StreamFraming::Unknown | StreamFraming::Other => 0,
        }
    }

    /// Returns whether bytes that a protocol takes for comments may be comments.
    pub(super) fn may_have_comments(&self) -> bool {
        !matches!(self.framing, StreamFraming::Other)
    }

    /// Records the pace of the next chunks under this model, if none was known before.
    pub(super) fn set_model(&mut self, model: &str) {
        if !self.has_model && !model.is_empty() {
            self.has_model = true;
            self.pace.flush_gaps(&mut self.unflushed_gaps);
            self.pace = self.endpoint.pace(model);
        }
    }

    /// Counts a chunk that was ready at `now`.
    #[inline]
    pub(super) fn count_chunk(&mut self, bytes: usize, now: Instant) {
        self.unflushed_chunks += 1;
        self.unflushed_bytes = self.unflushed_bytes.saturating_add(bytes as u64);
        let Some(last) = self.last_chunk.replace(now) else {
            self.pace.record_first_chunk(now - self.entered);
            return self.flush_and_schedule(now);
        };
        self.pace.batch_gap(&mut self.unflushed_gaps, now - last);
        let is_full = self.unflushed_chunks >= FLUSH_CHUNKS || self.unflushed_bytes >= FLUSH_BYTES;
        if is_full || now >= self.flush_at {
            self.flush_and_schedule(now);
        }
    }

    #[cold]
    fn flush_and_schedule(&mut self, now: Instant) {
        self.flush_at = now + FLUSH_AFTER;
        self.flush();
    }

    /// Counts an error within the stream.
    pub(super) fn count_error(&self, error_type: &str) {
        self.series.error(error_type);
    }

    /// Adds the local counts to the shared counters.
    pub(super) fn flush(&mut self) {
        if self.unflushed_chunks > 0 {
            self.series.chunks.add(mem::take(&mut self.unflushed_chunks));
            self.series.bytes.add(mem::take(&mut self.unflushed_bytes));
            self.pace.flush_gaps(&mut self.unflushed_gaps);
        }
    }

    /// Records the end of the stream.
    pub(super) fn close(&mut self, outcome: StreamOutcome) {
        self.flush();
        let started = self.started.or_else(head_at);
        let lifetime = started.map_or(Duration::ZERO, |started| started.elapsed());
        self.series.duration(outcome).observe_duration(lifetime);
        self.series.active.dec();
    }
}

/// Returns when the response head was made, if the stream is polled or dropped as part of a
/// response.
fn head_at() -> Option<Instant> {
    request::current(|scope| scope.head_at()).flatten()
}
