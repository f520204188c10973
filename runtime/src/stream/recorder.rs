//! The record of one stream, from its creation to its end or drop.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::Reading;
use crate::family::{StreamOutcome, short_name};
use crate::request::{self, Scope, StreamClaim};
use crate::site::{PaceSeries, StreamSeries};
use crate::wire::Comments;

/// How far the shared counters may be behind a stream that flows: this many chunks, or this long.
const FLUSH_CHUNKS: u64 = 64;
const FLUSH_AFTER: Duration = Duration::from_millis(250);

/// Counts one stream. What it has seen it keeps to itself for a moment, so that a chunk costs one
/// clock read and one histogram; dropping it closes the record.
pub(crate) struct StreamRecorder {
    series: Arc<StreamSeries>,
    pace: Arc<PaceSeries>,
    /// What reads the protocol, where one is named.
    reading: Option<Box<Reading>>,
    /// What tells comments, in a stream of events.
    comments: Option<Comments>,
    /// The request's entry, else the stream's creation.
    entered: Instant,
    started: Option<Instant>,
    last_chunk: Option<Instant>,
    flushed: Instant,
    chunks: u64,
    bytes: u64,
    /// Set while the source is polled, and so still set when it has panicked.
    polling: bool,
    failed: bool,
    complete: bool,
}

impl StreamRecorder {
    /// The record of a stream that is made while a request is served; none where the response will
    /// have no body.
    pub(crate) fn inside(scope: &mut Scope, claim: &StreamClaim) -> Option<Self> {
        let entered = scope.begin_stream();
        if scope.head_only() {
            return None;
        }
        Some(Self::new(claim, Reading::inside(scope, claim), entered))
    }

    /// The record of a stream that no request is known of.
    pub(crate) fn outside(claim: &StreamClaim) -> Self {
        Self::new(claim, Reading::outside(claim), Instant::now())
    }

    fn new(claim: &StreamClaim, reading: Option<Box<Reading>>, entered: Instant) -> Self {
        let series = claim.endpoint.stream();
        series.active.inc();
        Self {
            series,
            pace: claim.endpoint.pace(&claim.model),
            reading,
            comments: None,
            entered,
            started: None,
            last_chunk: None,
            flushed: entered,
            chunks: 0,
            bytes: 0,
            polling: false,
            failed: false,
            complete: false,
        }
    }

    /// The same record, of a stream that is one of events, or is not: their comments are no chunks.
    #[cfg(feature = "axum")]
    pub(crate) fn of_events(mut self, events: bool) -> Self {
        self.comments = events.then(Comments::new);
        self
    }

    /// Before the source is polled. A stream's life begins here, or at the response head if that was
    /// earlier.
    pub(crate) fn poll_begins(&mut self) {
        self.polling = true;
        if self.started.is_none() {
            self.started = Some(head_at().unwrap_or_else(Instant::now));
        }
    }

    /// After the source has been polled. One that has nothing ready may stay so for long: what it has
    /// sent is shown.
    pub(crate) fn poll_ends(&mut self, pending: bool) {
        self.polling = false;
        if pending {
            self.flush();
        }
    }

    /// An item has become ready: so many bytes, and the bytes themselves where it shows them.
    pub(crate) fn item(&mut self, size: usize, bytes: Option<&[u8]>) {
        let now = Instant::now();
        if !bytes.is_some_and(|bytes| self.is_comment(bytes, now)) {
            self.chunk(size, now);
        }
    }

    /// Reads an item, and tells whether it is a comment.
    fn is_comment(&mut self, bytes: &[u8], now: Instant) -> bool {
        let Some(reading) = self.reading.as_mut().filter(|reading| reading.readable) else {
            return self.comments.as_mut().is_some_and(|comments| comments.take(bytes));
        };
        let seen = reading.read(bytes, now, self.entered);
        if let Some(pace) = reading.new_pace() {
            self.pace = pace;
        }
        if seen.error {
            self.error_event();
        }
        seen.comment_only
    }

    /// An error within the protocol: the stream has failed, and with it the request.
    fn error_event(&mut self) {
        let error_type = self.reading.as_ref().map_or("", |reading| reading.error_type());
        self.series.error(error_type);
        request::current(Scope::note_failure);
    }

    fn chunk(&mut self, bytes: usize, now: Instant) {
        match self.last_chunk.replace(now) {
            None => self.pace.first_chunk.observe_duration(now - self.entered),
            Some(last) => self.pace.gap.observe_duration(now - last),
        }
        self.chunks += 1;
        self.bytes += bytes as u64;
        if self.chunks >= FLUSH_CHUNKS || now - self.flushed >= FLUSH_AFTER {
            self.flushed = now;
            self.flush();
        }
    }

    /// The stream has failed with an error of this type. It may go on all the same.
    pub(crate) fn error(&mut self, type_name: &str) {
        self.failed = true;
        self.series.error(&short_name(type_name));
    }

    /// The source has ended by itself.
    pub(crate) fn complete(&mut self) {
        self.complete = true;
        if self.reading.as_mut().is_some_and(|reading| reading.end().error) {
            self.error_event();
        }
    }

    fn flush(&mut self) {
        if self.chunks > 0 {
            self.series.chunks.add(std::mem::take(&mut self.chunks));
            self.series.bytes.add(std::mem::take(&mut self.bytes));
        }
    }

    fn outcome(&self) -> StreamOutcome {
        if self.polling {
            StreamOutcome::Panic
        } else if self.failed {
            StreamOutcome::StreamError
        } else if let Some(told) = self.reading.as_ref().and_then(|it| it.outcome(self.complete)) {
            told
        } else if self.complete {
            StreamOutcome::Complete
        } else if thread::panicking() {
            StreamOutcome::Panic
        } else {
            StreamOutcome::ClientDisconnect
        }
    }
}

impl Drop for StreamRecorder {
    fn drop(&mut self) {
        self.flush();
        let outcome = self.outcome();
        if self.polling {
            self.series.error("panic");
        }
        let lived =
            self.started.or_else(head_at).map_or(Duration::ZERO, |started| started.elapsed());
        self.series.duration(outcome).observe_duration(lived);
        self.series.active.dec();
        if let Some(reading) = self.reading.take() {
            reading.close(outcome);
        }
    }
}

/// When the response head was made, if this is polled or dropped as a part of a response.
fn head_at() -> Option<Instant> {
    request::current(|scope| scope.head_at()).flatten()
}
