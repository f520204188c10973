//! The endpoints of routes, by the address of the route's template.
//!
//! axum shares the template of a route between all requests to it, so that its address identifies
//! the route. The text itself is slow to read when many threads serve the same route: it lies
//! beside its reference count, which each request changes. Only a service that is nested in a
//! router gets a new template with each request. Its requests are found by the text.

use std::sync::OnceLock;

use super::EndpointSeries;
use crate::family::AppendList;

/// The number of hash buckets. A thousand templates at evenly spaced addresses are about one per
/// bucket, so that a look-up seldom reads the entry of another template.
const BUCKETS: usize = 1024;

/// The template of a route that a request has matched.
pub(crate) struct RouteTemplate<'a> {
    pub(crate) text: &'a str,
    pub(crate) shared: &'a dyn SharedTemplate,
}

/// A reference to a template, which keeps the template at its address.
pub(crate) trait SharedTemplate: Send + Sync {
    fn text(&self) -> &str;

    /// Returns whether this is the template of a route, and not of a fallback.
    fn is_route(&self) -> bool;

    /// Returns another reference to the template.
    fn share(&self) -> Box<dyn SharedTemplate>;
}

/// The endpoints of the templates that are kept. No other template can be at the address of one of
/// them.
pub(super) struct Templates(OnceLock<Box<[Bucket]>>);

type Bucket = AppendList<Address, Kept>;

/// The address and the length of a text.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Address(usize, usize);

struct Kept {
    endpoint: &'static EndpointSeries,
    _template: Box<dyn SharedTemplate>,
}

impl Templates {
    pub(super) const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// Returns the endpoint of a template, if the template is kept.
    #[inline]
    pub(super) fn find(&self, text: &str) -> Option<&'static EndpointSeries> {
        let address = Address::of(text);
        let bucket = &self.0.get()?[address.bucket_index()];
        bucket.find(|known| *known == address).map(|kept| kept.endpoint)
    }

    /// Keeps a template, which belongs to this endpoint. Keeps nothing if another version of axum
    /// copies the text instead of sharing it.
    pub(super) fn keep(&self, template: &RouteTemplate<'_>, endpoint: &'static EndpointSeries) {
        let address = Address::of(template.text);
        if Address::of(template.shared.share().text()) != address {
            return;
        }
        let new_buckets = || (0..BUCKETS).map(|_| Bucket::new()).collect();
        let bucket = &self.0.get_or_init(new_buckets)[address.bucket_index()];
        let new = || (address, Kept { endpoint, _template: template.shared.share() });
        bucket.find_or_append(|known| *known == address, new);
    }
}

impl Address {
    fn of(text: &str) -> Self {
        Self(text.as_ptr().addr(), text.len())
    }

    fn bucket_index(self) -> usize {
        // The digits of the golden ratio. Multiplication by it spreads addresses that are evenly
        // spaced, as those of templates often are, more evenly than a random function.
        let hash = (self.0 as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        #[expect(clippy::cast_possible_truncation, reason = "the result is below `BUCKETS`")]
        let index = (hash >> (u64::BITS - BUCKETS.ilog2())) as usize;
        index
    }
}
