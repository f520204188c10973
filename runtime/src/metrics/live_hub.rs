//! The viewers of the live page, and the reading that they share.
//!
//! Nothing is spawned. Each viewer has a timer of its own, and the timers of all viewers fire at
//! the same moments. The viewer whose timer fires first makes the reading, and the other viewers
//! send the same bytes. When the last viewer has left, the reading is dropped.
//!
//! A viewer that does not read must not keep the place of another one. So a viewer that has stalled
//! may lose its place: its stream then ends, and its browser connects again if it still exists.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::{InFlight, MetricsBuilder};

/// The time between two readings.
const PERIOD: Duration = Duration::from_secs(1);

/// A viewer that has taken no reading for this time has stalled, and can lose its place to another
/// viewer.
const STALLED: Duration = Duration::from_secs(10);

/// A viewer that has been connected for this time can lose its place to another viewer, although it
/// takes readings: the buffers of a connection can take them for many minutes, while nobody reads.
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
    last: LastReading,
}

/// The place of a viewer.
struct Place {
    connected: Instant,
    /// When the viewer took its last reading.
    taken: Instant,
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
            self.viewers.remove(&number);
        }
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
        state.viewers.insert(number, Place { connected: now, taken: now });
        Some(Viewer { hub: self, number })
    }
}

/// A viewer of the live page. Dropping it removes the viewer.
pub(crate) struct Viewer {
    hub: &'static LiveHub,
    number: u64,
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

    /// Returns the reading of the current second, which `make` makes if no other viewer has.
    /// Returns `None` if the viewer has lost its place.
    ///
    /// The hub is locked meanwhile: other viewers wait for the reading instead of making their own.
    pub(crate) fn reading(&self, make: impl FnOnce(&mut LastReading) -> Bytes) -> Option<Bytes> {
        let mut state = self.hub.state.lock();
        state.viewers.get_mut(&self.number)?.taken = Instant::now();
        let (_, second) = state.second();
        Some(match &state.newest {
            Some((newest, reading)) if *newest == second => reading.clone(),
            _ => {
                let reading = make(&mut state.last);
                state.newest = Some((second, reading.clone()));
                reading
            }
        })
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        let mut state = self.hub.state.lock();
        state.viewers.remove(&self.number);
        if state.viewers.is_empty() {
            self.hub.in_flight.end_watch();
            *state = State { next_viewer: state.next_viewer, ..State::default() };
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
mod tests {
    use std::cell::Cell;

    use tokio::time::advance;

    use super::*;

    fn new_hub(max_viewers: usize) -> &'static LiveHub {
        Box::leak(Box::new(LiveHub::new(max_viewers)))
    }

    #[tokio::test(start_paused = true)]
    async fn viewers_share_one_reading_a_second_wherever_in_the_second_they_arrive() {
        let hub = new_hub(100);
        let count = Cell::new(0_u8);
        let make = |_: &mut LastReading| {
            count.set(count.get() + 1);
            Bytes::copy_from_slice(&[count.get()])
        };
        let mut viewers = Vec::new();
        for _ in 0..100 {
            let viewer = hub.admit().expect("a hundred viewers are allowed");
            let mut timer = viewer.timer();
            timer.tick().await;
            viewer.reading(make);
            viewers.push((viewer, timer));
            advance(Duration::from_millis(9)).await;
        }
        assert_eq!(count.get(), 1, "all viewers arrived within one second");
        for second in 2..=20 {
            for (viewer, timer) in &mut viewers {
                timer.tick().await;
                assert_eq!(viewer.reading(make), Some(Bytes::copy_from_slice(&[second])));
            }
            assert_eq!(count.get(), second);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn late_viewer_gets_the_newest_reading_once() {
        let hub = new_hub(1);
        let viewer = hub.admit().expect("one viewer is allowed");
        let mut timer = viewer.timer();
        timer.tick().await;
        advance(Duration::from_millis(10_500)).await;
        timer.tick().await;
        let before = Instant::now();
        timer.tick().await;
        assert_eq!(before.elapsed(), Duration::from_millis(500), "the next full second");
    }

    #[tokio::test(start_paused = true)]
    async fn stalled_viewer_loses_its_place_to_another_one() {
        let hub = new_hub(2);
        let (Some(first), Some(second)) = (hub.admit(), hub.admit()) else {
            panic!("two viewers are allowed")
        };
        let read = |viewer: &Viewer| viewer.reading(|_| Bytes::new()).is_some();
        advance(STALLED / 2).await;
        assert!(read(&second));
        assert!(hub.admit().is_none(), "no viewer has stalled");
        advance(STALLED / 2).await;
        let third = hub.admit().expect("the first viewer has stalled");
        assert!(hub.admit().is_none(), "the other viewers have not");
        assert!(!read(&first) && read(&second) && read(&third));
        drop(first);
        assert!(hub.admit().is_none(), "the first viewer had no place any more");
        drop((second, third));
        assert!(hub.admit().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn requests_are_kept_if_the_only_viewer_loses_its_place() {
        let hub = new_hub(1);
        let first = hub.admit().expect("one viewer is allowed");
        let request = hub.in_flight().keep(Some("/slow"));
        advance(STALLED).await;
        let second = hub.admit().expect("the first viewer has stalled");
        assert_eq!(hub.in_flight().requests().len(), 1);
        drop(request);
        assert!(hub.in_flight().requests().is_empty());
        drop((first, second));
        assert!(!hub.in_flight().is_watched());
    }

    #[tokio::test(start_paused = true)]
    async fn viewer_that_has_been_connected_longest_loses_its_place_after_five_minutes() {
        let hub = new_hub(2);
        let (Some(first), Some(second)) = (hub.admit(), hub.admit()) else {
            panic!("two viewers are allowed")
        };
        let read = |viewer: &Viewer| viewer.reading(|_| Bytes::new()).is_some();
        for _ in 1..LONG_CONNECTED.as_secs() {
            advance(PERIOD).await;
            assert!(read(&first) && read(&second) && hub.admit().is_none());
        }
        advance(PERIOD).await;
        assert!(read(&first) && read(&second), "nobody else needs a place");
        let third = hub.admit().expect("the first viewer has been connected for five minutes");
        assert!(!read(&first) && read(&second) && read(&third));
        drop(first);
        assert!(hub.admit().is_some(), "so has the second one");
    }

    #[tokio::test(start_paused = true)]
    async fn last_viewer_takes_the_reading_with_it() {
        let hub = new_hub(2);
        let viewers = (hub.admit(), hub.admit());
        assert!(hub.admit().is_none(), "two viewers are allowed");
        let (Some(first), Some(second)) = viewers else { panic!("two viewers are allowed") };
        first.reading(|last| {
            last.shown.insert(("requests", ["/", ""]));
            Bytes::new()
        });
        drop(first);
        assert!(hub.state.lock().newest.is_some() && hub.in_flight().is_watched());
        drop(second);
        assert!(!hub.in_flight().is_watched());
        let state = hub.state.lock();
        assert!(state.newest.is_none() && state.last.shown.is_empty() && state.start.is_none());
    }
}
