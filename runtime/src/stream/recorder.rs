//! The record of one stream, from its creation to its end or drop.

use std::thread;
use std::time::Instant;

use super::Reading;
use super::flow::Flow;
use crate::family::{StreamOutcome, short_name};
use crate::request::{self, OpenCall, Scope, SourceRuns, StreamClaim};

/// Records one stream, or the call behind a reply, or both; dropping it closes the record.
pub(crate) struct StreamRecorder {
    /// What counts the stream, where that is asked for.
    flow: Option<Flow>,
    /// What reads the protocol, where one is named.
    reading: Option<Box<Reading>>,
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
        Some(Self::new(Some(Flow::new(claim, entered)), Reading::inside(scope, claim)))
    }

    /// The record of a stream that no request is known of, though its call may be.
    pub(crate) fn outside(claim: &StreamClaim, call: Option<OpenCall>) -> Self {
        Self::new(Some(Flow::new(claim, Instant::now())), Reading::outside(claim, call))
    }

    /// The record of a reply that is read, and no more.
    pub(crate) fn of_reading(reading: Box<Reading>) -> Self {
        Self::new(None, Some(reading))
    }

    /// The same, of a reply that is made while a request is served.
    pub(crate) fn of_reading_inside(scope: &mut Scope, reading: Box<Reading>) -> Self {
        scope.readings().begin(reading.by_hand());
        Self::of_reading(reading)
    }

    fn new(flow: Option<Flow>, reading: Option<Box<Reading>>) -> Self {
        Self { flow, reading, polling: false, failed: false, complete: false }
    }

    /// The same record, of a stream that is one of events, or is not: their comments are no chunks.
    #[cfg(feature = "axum")]
    pub(crate) fn of_events(mut self, events: bool) -> Self {
        let readable = self.reading.as_ref().is_none_or(|reading| reading.readable);
        if let Some(flow) = &mut self.flow {
            flow.of_events(events && readable);
        }
        self
    }

    /// Before the source is polled. A stream's life begins here, or at the response head if that was
    /// earlier.
    pub(crate) fn poll_begins(&mut self) -> Option<SourceRuns> {
        self.polling = true;
        if let Some(flow) = &mut self.flow {
            flow.begin();
        }
        self.reading.as_ref().map(|reading| reading.source_runs())
    }

    /// The source is about to be dropped, before this.
    pub(crate) fn drop_begins(&mut self) {
        if let Some(reading) = &mut self.reading {
            reading.drop_begins();
        }
    }

    /// After the source has been polled, and what [`poll_begins`](Self::poll_begins) gave is dropped. One that has nothing ready may stay so for long: what it has
    /// sent is shown.
    pub(crate) fn poll_ends(&mut self, pending: bool) {
        self.polling = false;
        if let Some(flow) = self.flow.as_mut().filter(|_| pending) {
            flow.flush();
        }
    }

    /// An item has become ready: so many bytes, and the bytes themselves where it shows them.
    pub(crate) fn item(&mut self, size: usize, bytes: Option<&[u8]>) {
        let Self { flow: Some(flow), reading, .. } = self else {
            if let (Some(reading), Some(bytes)) = (&mut self.reading, bytes) {
                reading.read_untimed(bytes);
            }
            return;
        };
        let now = Instant::now();
        let reading = reading.as_mut().filter(|reading| reading.readable);
        let (comment, error) = match (bytes, reading) {
            (None, _) => (false, false),
            (Some(bytes), None) => (flow.is_comment(bytes), false),
            (Some(bytes), Some(reading)) => {
                let seen = reading.read(bytes, now, flow.entered());
                if let Some(pace) = reading.new_pace() {
                    flow.set_pace(pace);
                }
                (seen.comment_only && flow.has_comments(), seen.error)
            }
        };
        if !comment {
            flow.chunk(size, now);
        }
        if error {
            self.error_event();
        }
    }

    /// An error within the protocol: the stream has failed, and with it the request.
    fn error_event(&mut self) {
        if let Self { flow: Some(flow), reading: Some(reading), .. } = self {
            flow.error(reading.error_type());
            reading.fail();
        }
    }

    /// The stream has failed with an error of this type. It may go on all the same.
    pub(crate) fn error(&mut self, type_name: &str) {
        self.failed = true;
        if let Some(flow) = &self.flow {
            flow.error(&short_name(type_name));
        }
    }

    /// The source has ended by itself.
    pub(crate) fn complete(&mut self) {
        self.complete = true;
        if self.reading.as_mut().is_some_and(|reading| reading.end().error) {
            self.error_event();
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
        } else if request::current(|scope| scope.is_delivered()) == Some(true) {
            StreamOutcome::Complete
        } else {
            StreamOutcome::ClientDisconnect
        }
    }
}

impl Drop for StreamRecorder {
    fn drop(&mut self) {
        let outcome = self.outcome();
        if let Some(flow) = &mut self.flow {
            if self.polling {
                flow.error("panic");
            }
            flow.close(outcome);
        }
        if let Some(reading) = self.reading.take() {
            reading.close(outcome);
        }
    }
}
