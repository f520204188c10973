//! The endpoints of one instance: by label, by call site, and those that exist before the first
//! request.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::EndpointSeries;
use super::events;
use super::siblings::SiblingLimit;
use super::templates::{RouteTemplate, Templates};
use crate::callsite::{Records, SITES, Site};
use crate::family::{AppendList, BoundedMap, Counter, Families, SeriesHandle, SeriesLimits};
use crate::label::{Method, closed_set};
use crate::price::CurrentPrices;

/// The number of hash buckets of the map of endpoints: a thousand routes are about four per bucket.
const ENDPOINT_BUCKETS: usize = 256;

/// The number of hash buckets of the map of global exceptions, which has few entries.
const EXCEPTION_BUCKETS: usize = 4;

closed_set! { indexed
    /// The `reason` label of a refused scrape.
    pub(crate) ScrapeRefusal {
        TooMany = "too_many",
        Stalled = "stalled",
    }
}

/// The endpoints of one instance.
pub(crate) struct Endpoints {
    families: &'static Families,
    by_label: BoundedMap<EndpointSeries>,
    by_run_time_label: BoundedMap<EndpointSeries>,
    by_template: Templates,
    /// In the order of [`SITES`].
    by_site: Box<[OnceLock<&'static EndpointSeries>]>,
    /// The address of the first of [`SITES`], whose accessor checks the whole slice each time.
    first_site: usize,
    /// The endpoints of sites that are not in [`SITES`], by label.
    unlisted_sites: AppendList<&'static str, &'static EndpointSeries>,
    global_exceptions: BoundedMap<SeriesHandle<Counter>>,
    refused_scrapes: OnceLock<[SeriesHandle<Counter>; ScrapeRefusal::COUNT]>,
    /// Whether the route of the metrics page is known.
    page_route_known: AtomicBool,
    limits: SeriesLimits,
    prices: CurrentPrices,
    siblings: SiblingLimit,
}

impl Endpoints {
    pub(crate) fn new(families: &'static Families, limits: SeriesLimits) -> Self {
        Self {
            families,
            by_label: BoundedMap::new(ENDPOINT_BUCKETS, limits.endpoints),
            by_run_time_label: BoundedMap::new(ENDPOINT_BUCKETS, limits.endpoints),
            by_template: Templates::new(),
            by_site: SITES.iter().map(|_| OnceLock::new()).collect(),
            first_site: SITES.as_ptr().addr(),
            unlisted_sites: AppendList::new(),
            global_exceptions: BoundedMap::new(EXCEPTION_BUCKETS, limits.labels),
            refused_scrapes: OnceLock::new(),
            page_route_known: AtomicBool::new(false),
            siblings: SiblingLimit::new(limits.max_series),
            limits,
            prices: CurrentPrices::default(),
        }
    }

    /// Returns the families that all endpoints record into.
    pub(crate) fn families(&self) -> &'static Families {
        self.families
    }

    /// Returns the current prices.
    pub(crate) fn prices(&self) -> &CurrentPrices {
        &self.prices
    }

    /// Returns the endpoint of the route with this template, or `None` if the template belongs to a
    /// fallback instead of a route.
    #[inline]
    pub(crate) fn of_template(
        &'static self,
        template: &RouteTemplate<'_>,
    ) -> Option<&'static EndpointSeries> {
        self.by_template.find(template.text).or_else(|| self.of_new_template(template))
    }

    #[inline(never)]
    fn of_new_template(
        &'static self,
        template: &RouteTemplate<'_>,
    ) -> Option<&'static EndpointSeries> {
        let text = template.text;
        let endpoint = template.shared.is_route().then(|| self.of_route(text))?;
        // The endpoint that all routes beyond the limit share is not that of one template. axum
        // makes a template for each request to a nested service. Of these, a few are kept.
        if !endpoint.is_beyond_limit() && endpoint.may_keep_template() {
            self.by_template.keep(template, endpoint);
        }
        Some(endpoint)
    }

    /// Returns the endpoint of a route.
    #[inline]
    pub(crate) fn of_route(&'static self, route: &str) -> &'static EndpointSeries {
        self.by_label.get_or_insert_with(route, |label| self.create(label))
    }

    /// Returns the endpoint with a label that is in the source of the program, or of this crate.
    pub(crate) fn with_fixed_label(&'static self, label: &'static str) -> &'static EndpointSeries {
        self.by_label.get_or_insert_unbounded(label, |label| self.create(label))
    }

    /// Returns the endpoint with a label that the program makes up at run time, perhaps from what a
    /// client has sent. Such labels have a limit of their own, so that they leave room for routes.
    pub(crate) fn with_run_time_label(&'static self, label: &str) -> &'static EndpointSeries {
        self.by_run_time_label.get_or_insert_with(label, |label| self.create(label))
    }

    fn create(&'static self, label: &str) -> EndpointSeries {
        let (limit, siblings) = (self.limits.labels, &self.siblings);
        EndpointSeries::new(self.families, label, limit, &self.prices, siblings)
    }

    /// Returns the endpoint of a call site outside any request: the one that the attribute names,
    /// else the name of the function.
    #[inline]
    pub(crate) fn for_site(&'static self, site: &'static Site) -> &'static EndpointSeries {
        let label = site.endpoint_label();
        match self.by_site.get(site.index_from(self.first_site)) {
            Some(endpoint) => endpoint.get_or_init(|| self.with_fixed_label(label)),
            None => self
                .unlisted_sites
                .find_or_append(|known| *known == label, || (label, self.with_fixed_label(label))),
        }
    }

    /// Counts a failure that no annotated handler owned in `global_exceptions_total`, and emits its
    /// event, which also names the endpoint.
    ///
    /// A `tracing` subscriber is user code, so the caller must not hold the scope of the request.
    pub(crate) fn count_global_exception(&self, exception_type: &str, endpoint: &str) {
        self.global_exceptions
            .get_or_insert_with(exception_type, |exception_type| {
                self.families.global_exceptions.series([exception_type])
            })
            .add(1);
        events::global_exception(endpoint, exception_type);
    }

    /// Notes that the route of the metrics page is known.
    pub(crate) fn note_page_route(&self) {
        self.page_route_known.store(true, Relaxed);
    }

    /// Returns whether the route of the metrics page is known.
    pub(crate) fn is_page_route_known(&self) -> bool {
        self.page_route_known.load(Relaxed)
    }

    /// Creates the series of refused scrapes at zero, so that Prometheus sees their first increase.
    pub(crate) fn declare_refused_scrapes(&self) -> &[SeriesHandle<Counter>] {
        let refused = &self.families.scrapes_refused;
        self.refused_scrapes.get_or_init(|| {
            [ScrapeRefusal::TooMany, ScrapeRefusal::Stalled]
                .map(|reason| refused.series([reason.as_str()]))
        })
    }

    /// Counts a scrape that was refused.
    pub(crate) fn count_refused_scrape(&self, reason: ScrapeRefusal) {
        self.declare_refused_scrapes()[reason.index()].add(1);
    }

    /// Creates the series of the endpoints that attributes name at zero, so that Prometheus sees
    /// their first increase. `metrics/zero_series.rs` says in which instances.
    pub(crate) fn declare(&'static self) {
        for site in SITES.iter().filter(|site| site.endpoint().is_some()) {
            let endpoint = self.for_site(site);
            match *site.records() {
                Records::Requests(Method::Unknown) | Records::Tokens(_) => {}
                Records::Requests(method) => endpoint.requests(method).declare(),
                Records::Streams(_) => {
                    endpoint.stream();
                }
            }
        }
    }
}
