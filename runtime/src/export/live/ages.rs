//! The age of the oldest request in flight at each endpoint.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

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
    oldest: Option<Age>,
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
        row.oldest = kept.oldest;
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
    let arrived_between = after.iter().filter(|(number, _)| !before.contains_key(number));
    for (number, request) in before.iter().chain(arrived_between) {
        let Some(endpoint) = request.endpoint else { continue };
        let kept = endpoints.entry(endpoint).or_default();
        kept.in_either += 1;
        if before.contains_key(number) && after.contains_key(number) {
            kept.in_both += 1;
        }
        kept.oldest = kept.oldest.max(Some(Age::Exactly(request.arrived.elapsed())));
    }
    endpoints
}
