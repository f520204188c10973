//! The viewers of the live page, and the reading that they share.
//!
//! Each viewer has a timer of its own, and the timers of all viewers fire at the same moments. The
//! viewer whose timer fires first starts a task that makes the reading, and all viewers send the
//! same bytes. The task may block: with many series, a reading takes too long for a thread that
//! serves requests. When the last viewer has left, the reading is dropped, and no other is made.
//!
//! A viewer that does not read must not keep the place of another one. So a viewer that has stalled
//! may lose its place: its stream then ends, and its browser connects again if it still exists.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, Hasher};
use std::mem;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::{InFlight, MetricsBuilder};

/// The time between two readings.
const PERIOD: Duration = Duration::from_secs(1);

/// A viewer that has taken no reading for this time has stalled, and can lose its place to another
/// viewer.
const STALLED: Duration = Duration::from_secs(10);

/// A viewer that has been connected for this time can lose its place to another viewer, even if it
/// takes readings. The buffers of its connection can take readings for many minutes although its
/// client reads nothing.
const LONG_CONNECTED: Duration = Duration::from_secs(300);

/// What the next reading needs to know of the last one.
#[derive(Default)]
pub(crate) struct LastReading {
    /// The series that had rows of their own: the name of the table, and one or two label values.
    pub(crate) shown: BTreeSet<(&'static str, [&'static str; 2])>,
    /// The endpoints that may have a request in flight from before the page was opened. `None`
    /// before the first reading, when all endpoints may.
    pub(crate) with_earlier_requests: Option<BTreeSet<&'static str>>,
}

/// The viewers of the live page of one instance.
pub(crate) struct LiveHub {
    max_viewers: usize,
    created: std::time::Instant,
    id: u64,
    in_flight: InFlight,
    state: Mutex<State>,
}

/// The default value is that of a hub without viewers.
#[derive(Default)]
struct State {
    /// The viewers by their numbers, in the order of their arrival.
    viewers: BTreeMap<u64, Place>,
    next_viewer: u64,
    /// The moment from which seconds are counted: the arrival of the first viewer.
    start: Option<Instant>,
    /// The newest reading, and the number of its second.
    newest: Option<(u64, Bytes)>,
    /// The number of the reading that is being made.
    making: Option<u64>,
    next_reading: u64,
    last: LastReading,
}

/// The place of a viewer.
struct Place {
    connected: Instant,
    /// When the viewer has last asked for a reading.
    taken: Instant,
    /// Wakes the viewer that waits for a reading.
    waker: Option<Waker>,
}

impl Place {
    fn wake(self) {
        self.waker.into_iter().for_each(Waker::wake);
    }
}

impl State {
    /// Returns the start of the current second, and its number.
    fn second(&mut self) -> (Instant, u64) {
        let now = Instant::now();
        let start = *self.start.get_or_insert(now);
        let number = now.saturating_duration_since(start).as_secs();
        (start + Duration::from_secs(number), number)
    }

    /// Takes a place away: that of the viewer that has stalled longest, or else of the one that has
    /// been connected longest.
    fn free_a_place(&mut self) {
        let longest = self.viewers.iter().min_by_key(|(_, place)| place.taken);
        let stalled = longest.filter(|(_, place)| place.taken.elapsed() >= STALLED);
        let first = self.viewers.first_key_value();
        let first = first.filter(|(_, place)| place.connected.elapsed() >= LONG_CONNECTED);
        if let Some(number) = stalled.or(first).map(|(number, _)| *number) {
            // The viewer notices its loss when it is woken, or when its timer fires.
            self.viewers.remove(&number).into_iter().for_each(Place::wake);
        }
    }

    /// Returns what wakes the viewers that wait.
    fn wakers(&mut self) -> Vec<Waker> {
        self.viewers.values_mut().filter_map(|place| place.waker.take()).collect()
    }
}

impl LiveHub {
    pub(super) fn new(max_viewers: usize) -> Self {
        // The hash of nothing under keys that differ from process to process.
        let id = RandomState::new().build_hasher().finish();
        let created = std::time::Instant::now();
        Self { max_viewers, created, id, in_flight: InFlight::default(), state: Mutex::default() }
    }

    /// Returns a number that differs from that of any other instance and process.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Returns the requests that have arrived since the first viewer.
    #[inline]
    pub(crate) fn in_flight(&self) -> &InFlight {
        &self.in_flight
    }

    /// Returns the time since the instance was built.
    pub(crate) fn uptime(&self) -> Duration {
        self.created.elapsed()
    }

    /// Adds a viewer. Returns `None` if there are as many viewers as allowed, and none of them can
    /// lose its place.
    pub(crate) fn admit(&'static self) -> Option<Viewer> {
        let mut state = self.state.lock();
        if state.viewers.len() >= self.max_viewers {
            state.free_a_place();
        }
        if state.viewers.len() >= self.max_viewers {
            return None;
        }
        // A viewer that takes the place of the only other one continues its watch.
        if !self.in_flight.is_watched() {
            self.in_flight.begin_watch();
        }
        let number = state.next_viewer;
        state.next_viewer += 1;
        let now = Instant::now();
        state.viewers.insert(number, Place { connected: now, taken: now, waker: None });
        Some(Viewer { hub: self, number, due: None })
    }
}

/// A viewer of the live page. Dropping it removes the viewer.
pub(crate) struct Viewer {
    hub: &'static LiveHub,
    number: u64,
    /// The second whose reading the viewer waits for.
    due: Option<u64>,
}

impl Viewer {
    /// Returns a timer that fires at once, and then whenever a reading is due for all viewers.
    ///
    /// # Panics
    ///
    /// Panics outside a tokio runtime, or in a runtime without time enabled.
    pub(crate) fn timer(&self) -> Interval {
        let (start, _) = self.hub.state.lock().second();
        let mut timer = interval_at(start, PERIOD);
        // A viewer that is late gets one reading, and continues with the other viewers.
        timer.set_missed_tick_behavior(MissedTickBehavior::Skip);
        timer
    }

    /// Returns whether the viewer waits for a reading.
    pub(crate) fn is_waiting(&self) -> bool {
        self.due.is_some()
    }

    /// Polls for the reading of the second in which the first of these polls was. If there is none,
    /// and none is being made, calls `make` in a task that may block. Returns `None` if the viewer
    /// has lost its place.
    ///
    /// # Panics
    ///
    /// Panics outside a tokio runtime.
    pub(crate) fn poll_reading(
        &mut self,
        cx: &Context<'_>,
        make: impl FnOnce(&mut LastReading) -> Bytes + Send + 'static,
    ) -> Poll<Option<Bytes>> {
        let mut state = self.hub.state.lock();
        let (_, second) = state.second();
        let due = *self.due.get_or_insert(second);
        let State { viewers, newest, .. } = &mut *state;
        let Some(place) = viewers.get_mut(&self.number) else { return Poll::Ready(None) };
        place.taken = Instant::now();
        if let Some((_, reading)) = newest.as_ref().filter(|(newest, _)| *newest >= due) {
            self.due = None;
            return Poll::Ready(Some(reading.clone()));
        }
        place.waker = Some(cx.waker().clone());
        if state.making.is_none() {
            let making = Making { hub: self.hub, number: state.next_reading, second };
            state.making = Some(making.number);
            state.next_reading += 1;
            let mut last = mem::take(&mut state.last);
            // A runtime that ends drops the task at once, and the task locks the hub.
            drop(state);
            spawn_blocking(move || {
                let reading = make(&mut last);
                making.finish(reading, last);
            });
        }
        Poll::Pending
    }
}

/// A reading that is being made. If it is dropped before it is finished, because the task has
/// panicked or its runtime has ended, all viewers lose their places.
struct Making {
    hub: &'static LiveHub,
    number: u64,
    second: u64,
}

impl Making {
    /// Gives the reading to the viewers, unless the viewers for whom it was made have left.
    fn finish(self, reading: Bytes, last: LastReading) {
        self.end(|state| {
            state.newest = Some((self.second, reading));
            state.last = last;
        });
    }

    /// Calls `f` and wakes the viewers if this is the reading that they wait for.
    fn end(&self, f: impl FnOnce(&mut State)) {
        let mut state = self.hub.state.lock();
        if state.making != Some(self.number) {
            return;
        }
        state.making = None;
        let wakers = state.wakers();
        f(&mut state);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        self.end(|state| state.viewers.clear());
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        let mut state = self.hub.state.lock();
        state.viewers.remove(&self.number);
        if state.viewers.is_empty() {
            self.hub.in_flight.end_watch();
            let State { next_viewer, next_reading, .. } = *state;
            *state = State { next_viewer, next_reading, ..State::default() };
        }
    }
}

impl MetricsBuilder {
    /// Sets how many viewers all live pages of the instance together may have at the same time.
    /// Defaults to 16.
    ///
    /// A viewer is a browser tab that shows a page of [`Metrics::live`](crate::Metrics::live). All
    /// viewers share one reading a second, so that a viewer costs only its connection and the bytes
    /// of the readings. If there are as many viewers, a new viewer takes the place of a viewer to
    /// which nothing could be sent for ten seconds, or else of the viewer that has been connected
    /// longest, if it has been connected for five minutes. The browser that has lost its place
    /// connects again. If no viewer can lose its place, the request for the stream of events gets
    /// 503, and the page of the new viewer tries again every five seconds. With 0, the page shows
    /// no numbers.
    ///
    /// The operating system buffers what a client does not read, from tens of kilobytes to some
    /// megabytes. As a reading of a small program has about one kilobyte, a client that reads
    /// nothing can seem to receive for many minutes.
    ///
    /// # Examples
    ///
    /// ```
    /// use streamgauge::Metrics;
    ///
    /// let metrics = Metrics::builder().max_viewers(4).build()?;
    /// # Ok::<(), streamgauge::BuildError>(())
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "live")))]
    pub fn max_viewers(mut self, limit: usize) -> Self {
        self.max_viewers = limit;
        self
    }
}

#[cfg(test)]
mod tests;
