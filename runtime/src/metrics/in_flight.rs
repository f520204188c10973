//! The requests that arrive while the live page is open, for the age of the oldest one.
//!
//! Nothing is kept while no page is open: a request that arrives then looks at one flag. So the
//! page knows of requests that arrived before it was opened only from the gauge of active requests.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// The number of requests that are read while the map is locked.
const REQUESTS_PER_LOCK: usize = 1000;

/// A request that was in flight while it was looked at.
#[derive(Clone, Copy)]
pub(crate) struct WatchedRequest {
    /// The endpoint at which the request is counted as active, if it is.
    pub(crate) endpoint: Option<&'static str>,
    pub(crate) arrived: Instant,
}

/// Requests by their numbers, in the order of their arrival.
pub(crate) type WatchedRequests = Vec<(u64, WatchedRequest)>;

/// The requests of one instance that have arrived while it was watched, and have not ended.
#[derive(Default)]
pub(crate) struct InFlight {
    is_watched: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The number of the next request, which no request of an earlier watch has had.
    next: u64,
    watch: Option<Watch>,
}

/// Exists as long as the instance is watched.
struct Watch {
    since: Instant,
    requests: BTreeMap<u64, WatchedRequest>,
}

impl InFlight {
    /// Keeps requests from now on.
    pub(super) fn begin_watch(&self) {
        let watch = Watch { since: Instant::now(), requests: BTreeMap::new() };
        self.state.lock().watch = Some(watch);
        self.is_watched.store(true, Relaxed);
    }

    /// Keeps no further requests, and forgets those that are kept.
    pub(super) fn end_watch(&self) {
        self.is_watched.store(false, Relaxed);
        self.state.lock().watch = None;
    }

    /// Returns whether requests are kept. A request that arrives in the moment of a change may see
    /// the state before it.
    #[inline]
    pub(crate) fn is_watched(&self) -> bool {
        self.is_watched.load(Relaxed)
    }

    /// Keeps a request that arrives now until the returned value is dropped. `endpoint` is where
    /// the request is counted as active, if it is.
    ///
    /// Call this before the request is counted as active, and drop the returned value after the
    /// request has left the gauge: each request in the gauge is then kept.
    #[cold]
    pub(crate) fn keep(&'static self, endpoint: Option<&'static str>) -> Option<KeptRequest> {
        let mut state = self.state.lock();
        let State { next, watch: Some(watch) } = &mut *state else { return None };
        let number = *next;
        *next += 1;
        watch.requests.insert(number, WatchedRequest { endpoint, arrived: Instant::now() });
        Some(KeptRequest { in_flight: self, number })
    }

    /// Returns the time since which requests are kept. Zero if they are not.
    pub(crate) fn watched_for(&self) -> Duration {
        self.state.lock().watch.as_ref().map(|watch| watch.since.elapsed()).unwrap_or_default()
    }

    /// Returns the requests that are in flight now.
    pub(crate) fn requests(&self) -> WatchedRequests {
        let mut requests = WatchedRequests::new();
        loop {
            let state = self.state.lock();
            let Some(watch) = &state.watch else { return requests };
            let last = requests.last().map_or(Unbounded, |(last, _)| Excluded(*last));
            let next = watch.requests.range((last, Unbounded)).take(REQUESTS_PER_LOCK);
            let known = requests.len();
            requests.extend(next.map(|(number, request)| (*number, *request)));
            if requests.len() == known {
                return requests;
            }
        }
    }
}

/// A request that is kept. Dropping the value forgets the request.
pub(crate) struct KeptRequest {
    in_flight: &'static InFlight,
    number: u64,
}

impl KeptRequest {
    /// Notes at which endpoint the request is counted as active.
    pub(crate) fn set_endpoint(&self, endpoint: &'static str) {
        if let Some(watch) = &mut self.in_flight.state.lock().watch {
            if let Some(request) = watch.requests.get_mut(&self.number) {
                request.endpoint = Some(endpoint);
            }
        }
    }
}

impl Drop for KeptRequest {
    fn drop(&mut self) {
        if let Some(watch) = &mut self.in_flight.state.lock().watch {
            watch.requests.remove(&self.number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new_in_flight() -> &'static InFlight {
        Box::leak(Box::default())
    }

    fn endpoints(in_flight: &InFlight) -> Vec<Option<&'static str>> {
        in_flight.requests().iter().map(|(_, request)| request.endpoint).collect()
    }

    #[test]
    fn requests_are_kept_only_while_the_instance_is_watched() {
        let in_flight = new_in_flight();
        assert!(!in_flight.is_watched() && in_flight.keep(None).is_none());
        in_flight.begin_watch();
        assert!(in_flight.is_watched());
        let request = in_flight.keep(None).expect("the instance is watched");
        request.set_endpoint("/a");
        let other = in_flight.keep(None);
        assert_eq!(endpoints(in_flight), [Some("/a"), None]);
        drop(request);
        assert_eq!(endpoints(in_flight), [None]);
        in_flight.end_watch();
        assert!(!in_flight.is_watched() && endpoints(in_flight).is_empty());
        drop(other);
    }

    #[test]
    fn request_of_an_earlier_watch_does_not_change_a_later_one() {
        let in_flight = new_in_flight();
        in_flight.begin_watch();
        let early = in_flight.keep(None).expect("the instance is watched");
        in_flight.end_watch();
        in_flight.begin_watch();
        let late = in_flight.keep(None).expect("the instance is watched");
        late.set_endpoint("/late");
        early.set_endpoint("/early");
        drop(early);
        assert_eq!(endpoints(in_flight), [Some("/late")]);
    }

    #[test]
    fn more_requests_than_are_read_at_once_are_all_read() {
        let in_flight = new_in_flight();
        in_flight.begin_watch();
        let number = 2 * REQUESTS_PER_LOCK + 1;
        let kept: Vec<_> = (0..number).map(|_| in_flight.keep(None)).collect();
        assert_eq!(endpoints(in_flight).len(), number);
        drop(kept);
        assert!(endpoints(in_flight).is_empty());
    }
}
