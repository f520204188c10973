//! What is counted of a stream as it flows.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::family::Batch;
use crate::llm::Comments;
use crate::outcome::StreamOutcome;
use crate::request::{self, StreamInfo};
use crate::series::{PaceSeries, StreamSeries};

/// How far the shared counters may be behind a stream that flows: this many chunks, bytes, or this long.
const FLUSH_CHUNKS: u64 = 64;
const FLUSH_BYTES: u64 = 64 * 1024;
const FLUSH_AFTER: Duration = Duration::from_millis(250);

/// Counts one stream. What it has seen it keeps to itself for a moment, so that a chunk costs one
/// clock read and little more.
pub(super) struct StreamMeter {
    series: Arc<StreamSeries>,
    pace: Arc<PaceSeries>,
    kind: Kind,
    /// The request's entry, else the stream's creation.
    entered: Instant,
    started: Option<Instant>,
    last_chunk: Option<Instant>,
    /// When the shared counters are to know more at the latest.
    flush_at: Instant,
    chunks: u64,
    bytes: u64,
    gaps: Batch,
}

/// What is known of a stream's bytes: only a response tells.
enum Kind {
    Unknown,
    /// They are events, whose comments are no chunks.
    Events(Comments),
    /// They are something else, in which nothing is a comment.
    Other,
}

impl StreamMeter {
    pub(super) fn new(claim: &StreamInfo, entered: Instant) -> Self {
        let series = claim.endpoint.stream();
        series.active.inc();
        Self {
            series,
            pace: claim.endpoint.pace(&claim.model),
            kind: Kind::Unknown,
            entered,
            started: None,
            last_chunk: None,
            flush_at: entered,
            chunks: 0,
            bytes: 0,
            gaps: Batch::default(),
        }
    }

    pub(super) fn of_events(&mut self, events: bool) {
        self.kind = if events { Kind::Events(Comments::new()) } else { Kind::Other };
    }

    pub(super) fn entered(&self) -> Instant {
        self.entered
    }

    /// The stream is polled, for the first time or again.
    pub(super) fn begin(&mut self) {
        if self.started.is_none() {
            self.started = Some(head_at().unwrap_or_else(Instant::now));
        }
    }

    /// Whether an item is a comment, as far as its framing tells.
    pub(super) fn is_comment(&mut self, bytes: &[u8]) -> bool {
        match &mut self.kind {
            Kind::Events(comments) => comments.take(bytes),
            Kind::Unknown | Kind::Other => false,
        }
    }

    /// Whether what a protocol calls a comment may be one.
    pub(super) fn has_comments(&self) -> bool {
        !matches!(self.kind, Kind::Other)
    }

    /// The model whose pace this is has become known.
    pub(super) fn set_pace(&mut self, pace: Arc<PaceSeries>) {
        self.pace.gap.flush(&mut self.gaps);
        self.pace = pace;
    }

    pub(super) fn chunk(&mut self, bytes: usize, now: Instant) {
        let last = self.last_chunk.replace(now);
        let first = last.is_none();
        match last {
            None => self.pace.first_chunk.observe_duration(now - self.entered),
            Some(last) => self.pace.gap.batch_duration(&mut self.gaps, now - last),
        }
        self.chunks += 1;
        self.bytes += bytes as u64;
        let many = self.chunks >= FLUSH_CHUNKS || self.bytes >= FLUSH_BYTES;
        if first || many || now >= self.flush_at {
            self.flush_at = now + FLUSH_AFTER;
            self.flush();
        }
    }

    pub(super) fn error(&self, error_type: &str) {
        self.series.error(error_type);
    }

    pub(super) fn flush(&mut self) {
        if self.chunks > 0 {
            self.series.chunks.add(std::mem::take(&mut self.chunks));
            self.series.bytes.add(std::mem::take(&mut self.bytes));
            self.pace.gap.flush(&mut self.gaps);
        }
    }

    pub(super) fn close(&mut self, outcome: StreamOutcome) {
        self.flush();
        let lived =
            self.started.or_else(head_at).map_or(Duration::ZERO, |started| started.elapsed());
        self.series.duration(outcome).observe_duration(lived);
        self.series.active.dec();
    }
}

/// When the response head was made, if this is polled or dropped as a part of a response.
fn head_at() -> Option<Instant> {
    request::current(|scope| scope.head_at()).flatten()
}
