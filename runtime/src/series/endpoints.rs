//! One instance's endpoints: series by label, by call site, and those that exist from the start.

use std::sync::{Arc, OnceLock};

use super::EndpointSeries;
use super::event::tell;
use crate::callsite::{Records, SITES, Site};
use crate::family::{AppendList, BoundedMap, Counter, Families, Limits, SeriesHandle};
use crate::label::Method;
use crate::price::Prices;

/// Chains of the table of endpoints: a thousand routes share them at four a chain.
const CHAINS: usize = 256;

/// All endpoints that one instance has seen.
pub(crate) struct Endpoints {
    families: Arc<Families>,
    by_label: BoundedMap<EndpointSeries>,
    by_site: Box<[OnceLock<Arc<EndpointSeries>>]>,
    /// Those of sites that the linker has not gathered.
    of_others: AppendList<&'static str, Arc<EndpointSeries>>,
    global_exceptions: BoundedMap<SeriesHandle<Counter>>,
    limits: Limits,
    prices: Arc<Prices>,
}

impl Endpoints {
    /// All that is recorded.
    pub(crate) fn families(&self) -> &Families {
        &self.families
    }

    pub(crate) fn new(families: Arc<Families>, limits: Limits, prices: Prices) -> Self {
        Self {
            families,
            by_label: BoundedMap::new(CHAINS, limits.endpoints),
            by_site: SITES.iter().map(|_| OnceLock::new()).collect(),
            of_others: AppendList::new(),
            global_exceptions: BoundedMap::new(4, limits.values),
            limits,
            prices: Arc::new(prices),
        }
    }

    /// The endpoint with this label.
    pub(crate) fn get(&self, label: &str) -> Arc<EndpointSeries> {
        self.by_label.get_or_make(label, || {
            EndpointSeries::new(&self.families, label, self.limits.values, &self.prices)
        })
    }

    /// The endpoint that a site belongs to when no request says otherwise.
    pub(crate) fn for_site(&self, site: &'static Site) -> &Arc<EndpointSeries> {
        let label = site.label();
        match self.by_site.get(site.index()) {
            Some(resolved) => resolved.get_or_init(|| self.get(label)),
            None => self.of_others.insert(|known| *known == label, || (label, self.get(label))),
        }
    }

    /// Counts a failure that no annotated handler owned, and tells of it and where it happened. A
    /// subscriber is the user's code: the caller must not hold the request's scope.
    pub(crate) fn count_global_exception(&self, exception_type: &str, endpoint: &str) {
        self.global_exceptions
            .get_or_make(exception_type, || {
                self.families.global_exceptions.series(&self.families, [exception_type])
            })
            .add(1);
        tell(|| {
            tracing::error!(
                target: "streamgauge",
                endpoint,
                exception_type,
                "a failure that no handler owned"
            );
        });
    }

    /// Lets the endpoints that attributes name exist at zero, so that a first increase is one.
    pub(crate) fn declare(&self) {
        for site in SITES.iter().filter(|site| site.endpoint().is_some()) {
            let endpoint = self.for_site(site);
            match *site.records() {
                Records::Requests(Method::Unknown) | Records::Tokens(_) => {}
                Records::Requests(method) => endpoint.requests(method.into()).declare(),
                Records::Streams(_) => {
                    endpoint.stream();
                }
            }
        }
    }
}
