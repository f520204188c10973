//! The record of one stream, from its creation to its end or drop.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::family::{StreamOutcome, short_name};
use crate::request::{self, Scope};
use crate::site::{EndpointSeries, PaceSeries, StreamSeries};

/// How far the shared counters may be behind a stream that flows: this many chunks, or this long.
const FLUSH_CHUNKS: u64 = 64;
const FLUSH_AFTER: Duration = Duration::from_millis(250);

/// Counts one stream. What it has seen it keeps to itself for a moment, so that a chunk costs one
/// clock read and one histogram; dropping it closes the record.
pub(crate) struct StreamRecorder {
    series: Arc<StreamSeries>,
    pace: Arc<PaceSeries>,
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
    pub(crate) fn inside(
        scope: &mut Scope,
        endpoint: &EndpointSeries,
        model: &str,
    ) -> Option<Self> {
        let entered = scope.begin_stream();
        (!scope.head_only()).then(|| Self::new(endpoint, model, entered))
    }

    /// The record of a stream that no request is known of.
    pub(crate) fn outside(endpoint: &EndpointSeries, model: &str) -> Self {
        Self::new(endpoint, model, Instant::now())
    }

    fn new(endpoint: &EndpointSeries, model: &str, entered: Instant) -> Self {
        let series = endpoint.stream();
        series.active.inc();
        Self {
            series,
            pace: endpoint.pace(model),
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

    /// An item with this many payload bytes has become ready.
    pub(crate) fn chunk(&mut self, bytes: usize) {
        let now = Instant::now();
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
    }
}

/// When the response head was made, if this is polled or dropped as a part of a response.
fn head_at() -> Option<Instant> {
    request::current(|scope| scope.head_at()).flatten()
}
