//! The series of one endpoint with different values of the request labels.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use super::EndpointSeries;
use crate::family::{AppendList, RequestLabelValues};

/// The number of hash buckets in which an endpoint finds its siblings.
const SIBLING_BUCKETS: usize = 64;

/// The number of siblings that the endpoints of an instance may still create.
///
/// It starts at the number of series that a family may have, because each sibling makes at least
/// one series, and it only falls: the same values always lead to the same sibling, so that a gauge
/// falls in the series in which it has risen.
#[derive(Clone)]
pub(super) struct SiblingLimit(Option<Arc<AtomicUsize>>);

impl SiblingLimit {
    pub(super) fn new(max_siblings: usize) -> Self {
        Self(Some(Arc::new(AtomicUsize::new(max_siblings))))
    }

    /// The limit of an endpoint that is not kept, and whose siblings are dropped with it.
    pub(super) const UNLIMITED: Self = Self(None);

    /// Returns whether one more sibling may be created.
    fn admits_one_more(&self) -> bool {
        let Some(free) = &self.0 else { return true };
        free.fetch_update(Relaxed, Relaxed, |free| free.checked_sub(1)).is_ok()
    }
}

/// The siblings of an endpoint by the values of the request labels.
pub(super) struct Siblings {
    /// Allocated with the first sibling.
    buckets: OnceLock<Box<[Bucket]>>,
    limit: SiblingLimit,
}

type Bucket = AppendList<RequestLabelValues, Arc<EndpointSeries>>;

impl Siblings {
    pub(super) fn new(limit: SiblingLimit) -> Self {
        Self { buckets: OnceLock::new(), limit }
    }

    /// Returns the sibling with these values, which `make` creates if there is none. If the
    /// instance has its maximum of siblings, the values that are not empty become `other`.
    #[inline]
    pub(super) fn get_or_insert_with(
        &self,
        values: RequestLabelValues,
        make: impl Fn(RequestLabelValues, Self) -> EndpointSeries,
    ) -> &Arc<EndpointSeries> {
        let known = self.bucket(values).find(|known| *known == values);
        known.unwrap_or_else(|| self.insert_with(values, make))
    }

    #[cold]
    fn insert_with(
        &self,
        values: RequestLabelValues,
        make: impl Fn(RequestLabelValues, Self) -> EndpointSeries,
    ) -> &Arc<EndpointSeries> {
        let values = if self.limit.admits_one_more() { values } else { values.overflowed() };
        self.bucket(values).find_or_append(
            |known| *known == values,
            || (values, Arc::new(make(values, Self::new(self.limit.clone())))),
        )
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
    fn sibling_limit_is_shared_by_the_endpoints_of_an_instance() {
        let limit = SiblingLimit::new(2);
        let other = limit.clone();
        assert!(limit.admits_one_more() && other.admits_one_more());
        assert!(!limit.admits_one_more() && !other.admits_one_more());
        assert!(SiblingLimit::UNLIMITED.admits_one_more());
    }
}
