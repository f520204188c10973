//! The series of one endpoint with different values of the request labels.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::EndpointSeries;
use crate::family::{AppendList, RequestLabelValues};

/// The number of hash buckets in which an endpoint finds its siblings.
const SIBLING_BUCKETS: usize = 64;

/// The number of siblings that the endpoints of an instance may still create.
///
/// It starts at the number of series that a family may have, because each sibling makes at least
/// one series, and it only falls: the same values always lead to the same sibling, so that a gauge
/// falls in the series in which it has risen.
pub(super) struct SiblingLimit(AtomicUsize);

impl SiblingLimit {
    pub(super) fn new(max_siblings: usize) -> Self {
        Self(AtomicUsize::new(max_siblings))
    }

    /// Returns whether one more sibling may be created.
    fn admits_one_more(&self) -> bool {
        self.0.fetch_update(Relaxed, Relaxed, |free| free.checked_sub(1)).is_ok()
    }
}

/// The siblings of an endpoint by the values of the request labels.
pub(super) struct Siblings {
    /// Allocated with the first sibling.
    buckets: OnceLock<Box<[Bucket]>>,
    limit: &'static SiblingLimit,
}

type Bucket = AppendList<RequestLabelValues, EndpointSeries>;

impl Siblings {
    pub(super) fn new(limit: &'static SiblingLimit) -> Self {
        Self { buckets: OnceLock::new(), limit }
    }

    /// Returns the sibling with these values, which `make` creates if there is none. If the
    /// instance has its maximum of siblings, the values that are not empty become `other`.
    #[inline]
    pub(super) fn get_or_insert_with(
        &self,
        values: RequestLabelValues,
        make: impl Fn(RequestLabelValues, &'static SiblingLimit) -> EndpointSeries,
    ) -> &EndpointSeries {
        let known = self.bucket(values).find(|known| *known == values);
        known.unwrap_or_else(|| self.insert_with(values, make))
    }

    #[cold]
    fn insert_with(
        &self,
        values: RequestLabelValues,
        make: impl Fn(RequestLabelValues, &'static SiblingLimit) -> EndpointSeries,
    ) -> &EndpointSeries {
        let values = if self.limit.admits_one_more() { values } else { values.overflowed() };
        self.bucket(values)
            .find_or_append(|known| *known == values, || (values, make(values, self.limit)))
    }

    fn bucket(&self, values: RequestLabelValues) -> &Bucket {
        let new = || (0..SIBLING_BUCKETS).map(|_| AppendList::new()).collect();
        &self.buckets.get_or_init(new)[values.bucket(SIBLING_BUCKETS)]
    }
}

#[cfg(test)]
mod tests {
    use super::SiblingLimit;

    #[test]
    fn sibling_limit_admits_its_number_of_siblings() {
        let limit = SiblingLimit::new(2);
        assert!(limit.admits_one_more() && limit.admits_one_more());
        assert!(!limit.admits_one_more() && !limit.admits_one_more());
    }
}
