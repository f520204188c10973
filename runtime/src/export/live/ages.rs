//! The age of the oldest request in flight at each endpoint.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::rows::{Age, Key, Requests};
use crate::metrics::{LastReading, WatchedRequests};

/// The kept requests of one endpoint.
#[derive(Default)]
struct Kept {
    /// The number of requests that were kept before and after the gauge was read, so that they were
    /// in the gauge.
    in_both: u64,
    /// The number of requests that were kept before or after the gauge was read.
    in_either: u64,
    /// When the first of these requests arrived.
    arrived: Option<Instant>,
}

/// Adds the age of the oldest request in flight to the rows of endpoints.
///
/// A request that arrived before the page was opened is not kept, so only the gauge of active
/// requests has it. If more requests are active than are kept, the oldest one is at least as old as
/// the watch. As both cannot be read in the same moment, the kept requests are read `before` and
/// `after` the gauge.
///
/// Under load, a request can arrive and end between these two looks, and be in the gauge only.
/// Therefore, an endpoint that had no earlier request in one reading has none in all later ones.
pub(super) fn add_ages(
    rows: &mut BTreeMap<Key, Requests>,
    [before, after]: [&WatchedRequests; 2],
    watched_for: Duration,
    last: &mut LastReading,
) {
    let mut kept = kept_by_endpoint(before, after);
    let candidates = last.with_earlier_requests.take();
    let mut with_earlier_requests = BTreeSet::new();
    for ([endpoint, _], row) in rows {
        let kept = kept.remove(endpoint).unwrap_or_default();
        row.oldest = kept.arrived.map(|arrived| Age::Exactly(arrived.elapsed()));
        let is_candidate = candidates.as_ref().is_none_or(|known| known.contains(endpoint));
        if is_candidate && row.active > kept.in_both {
            with_earlier_requests.insert(*endpoint);
            if row.active > kept.in_either {
                row.oldest = Some(Age::AtLeast(watched_for));
            }
        }
    }
    last.with_earlier_requests = Some(with_earlier_requests);
}

fn kept_by_endpoint(
    before: &WatchedRequests,
    after: &WatchedRequests,
) -> BTreeMap<&'static str, Kept> {
    let mut endpoints = BTreeMap::<_, Kept>::new();
    // Numbers rise, so the requests that arrived in between come after all others.
    let last = before.last().map(|(number, _)| *number);
    let new = after.partition_point(|(number, _)| Some(*number) <= last);
    let (still_in_flight, arrived_between) = after.split_at(new);
    let mut still_in_flight = still_in_flight.iter().peekable();
    for (number, request) in before.iter().chain(arrived_between) {
        let is_in_both = still_in_flight.next_if(|(other, _)| other == number).is_some();
        let Some(endpoint) = request.endpoint else { continue };
        let kept = endpoints.entry(endpoint).or_default();
        kept.in_either += 1;
        kept.in_both += u64::from(is_in_both);
        kept.arrived.get_or_insert(request.arrived);
    }
    endpoints
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::WatchedRequest;

    #[test]
    fn kept_requests_are_counted_by_the_looks_that_saw_them() {
        let start = Instant::now();
        let requests = |numbers: &[u64]| -> WatchedRequests {
            let request = |number: &u64| {
                let endpoint = (*number != 3).then_some(if *number < 5 { "/a" } else { "/b" });
                let arrived = start + Duration::from_secs(*number);
                (*number, WatchedRequest { endpoint, arrived })
            };
            numbers.iter().map(request).collect()
        };
        let check = |before: &[u64], after: &[u64], endpoint, expected: Option<(u64, u64, u64)>| {
            let kept = kept_by_endpoint(&requests(before), &requests(after));
            let kept = kept.get(endpoint).map(|kept| {
                let arrived = kept.arrived.expect("each of them has arrived");
                (kept.in_both, kept.in_either, (arrived - start).as_secs())
            });
            assert_eq!(kept, expected, "{before:?} {after:?}");
        };
        check(&[1, 2, 3, 4, 6], &[2, 3, 6, 7, 8], "/a", Some((1, 3, 1)));
        check(&[1, 2, 3, 4, 6], &[2, 3, 6, 7, 8], "/b", Some((1, 3, 6)));
        check(&[], &[2, 4], "/a", Some((0, 2, 2)));
        check(&[2, 4], &[], "/a", Some((0, 2, 2)));
        check(&[3], &[3], "/a", None);
    }
}
