//! The viewers of the live page, and the reading that they share.
//!
//! Nothing is spawned. Each viewer has a timer of its own, and the timers of all viewers fire at the
//! same moments. The viewer whose timer fires first makes the reading, and the other viewers send
//! the same bytes. When the last viewer has left, the reading is dropped.

use std::collections::BTreeSet;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

/// The time between two readings.
const PERIOD: Duration = Duration::from_secs(1);

/// The series that have rows of their own: the name of the table, and one or two label values.
pub(crate) type ShownSeries = BTreeSet<(&'static str, [&'static str; 2])>;

/// The viewers of the live page of one instance.
pub(crate) struct LiveHub {
    max_viewers: usize,
    created: std::time::Instant,
    id: u64,
    state: Mutex<State>,
}

/// The default value is that of a hub without viewers.
#[derive(Default)]
struct State {
    viewers: usize,
    /// The moment from which seconds are counted: the arrival of the first viewer.
    start: Option<Instant>,
    /// The newest reading, and the number of its second.
    newest: Option<(u64, Bytes)>,
    shown: ShownSeries,
}

impl State {
    /// Returns the start of the current second, and its number.
    fn second(&mut self) -> (Instant, u64) {
        let now = Instant::now();
        let start = *self.start.get_or_insert(now);
        let number = now.saturating_duration_since(start).as_secs();
        (start + Duration::from_secs(number), number)
    }
}

impl LiveHub {
    pub(super) fn new(max_viewers: usize) -> Self {
        // The hash of nothing under keys that differ from process to process.
        let id = RandomState::new().build_hasher().finish();
        let created = std::time::Instant::now();
        Self { max_viewers, created, id, state: Mutex::default() }
    }

    /// Returns a number that differs from that of any other instance and process.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Returns the time since the instance was built.
    pub(crate) fn uptime(&self) -> Duration {
        self.created.elapsed()
    }

    /// Adds a viewer. Returns `None` if there are as many viewers as allowed.
    pub(crate) fn admit(&'static self) -> Option<Viewer> {
        let mut state = self.state.lock();
        if state.viewers >= self.max_viewers {
            return None;
        }
        state.viewers += 1;
        Some(Viewer(self))
    }
}

/// A viewer of the live page. Dropping it removes the viewer.
pub(crate) struct Viewer(&'static LiveHub);

impl Viewer {
    /// Returns a timer that fires at once, and then whenever a reading is due for all viewers.
    ///
    /// # Panics
    ///
    /// Panics outside a tokio runtime, or in a runtime without time enabled.
    pub(crate) fn timer(&self) -> Interval {
        let (start, _) = self.0.state.lock().second();
        let mut timer = interval_at(start, PERIOD);
        // A viewer that is late gets one reading, and continues with the other viewers.
        timer.set_missed_tick_behavior(MissedTickBehavior::Skip);
        timer
    }

    /// Returns the reading of the current second, which `make` makes if no other viewer has.
    ///
    /// The hub is locked meanwhile: other viewers wait for the reading instead of making their own.
    pub(crate) fn reading(&self, make: impl FnOnce(&mut ShownSeries) -> Bytes) -> Bytes {
        let mut state = self.0.state.lock();
        let (_, second) = state.second();
        match &state.newest {
            Some((newest, reading)) if *newest == second => reading.clone(),
            _ => {
                let reading = make(&mut state.shown);
                state.newest = Some((second, reading.clone()));
                reading
            }
        }
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.viewers -= 1;
        if state.viewers == 0 {
            *state = State::default();
        }
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
        let made = Cell::new(0_u8);
        let make = |_: &mut ShownSeries| {
            made.set(made.get() + 1);
            Bytes::copy_from_slice(&[made.get()])
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
        assert_eq!(made.get(), 1, "all viewers arrived within one second");
        for second in 2..=20 {
            for (viewer, timer) in &mut viewers {
                timer.tick().await;
                assert_eq!(viewer.reading(make), [second].as_slice());
            }
            assert_eq!(made.get(), second);
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
    async fn last_viewer_takes_the_reading_with_it() {
        let hub = new_hub(2);
        let viewers = (hub.admit(), hub.admit());
        assert!(hub.admit().is_none(), "two viewers are allowed");
        let (Some(first), Some(second)) = viewers else { panic!("two viewers are allowed") };
        first.reading(|shown| {
            shown.insert(("requests", ["/", ""]));
            Bytes::new()
        });
        drop(first);
        assert!(hub.state.lock().newest.is_some());
        drop(second);
        let state = hub.state.lock();
        assert!(state.newest.is_none() && state.shown.is_empty() && state.start.is_none());
    }
}
