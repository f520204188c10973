//! The series of one endpoint, and the request series in it.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::time::Duration;

use super::cost::CostSeries;
use super::events;
use super::page_route::{PageRoute, PageRouteState};
use super::siblings::{SiblingLimit, Siblings};
use super::{CallSeries, PaceSeries, StreamSeries};
use crate::family::{
    AppendList, BEYOND_LIMIT, BoundedMap, Counter, Families, Family, Gauge, Histogram, LabelLimit,
    LabelValues, OVERFLOW, RequestLabelValues, SeriesHandle, nanos, recording,
};
use crate::label::Method;
use crate::outcome::{Outcome, RequestEnd};
use crate::price::CurrentPrices;

/// The number of hash buckets of the maps within an endpoint, which hold a few models, providers or
/// exception types.
const HASH_BUCKETS: usize = 8;

/// The largest number of templates that are kept for one endpoint. A program has one for each of
/// its routers that has a route with this label.
const MAX_TEMPLATES: u8 = 4;

/// All series with one value of the `endpoint` label and one combination of the request labels'
/// values. Each is resolved when it is first needed.
///
/// The fields that each request reads come first, on one or two cache lines: with many endpoints in
/// use, most of their memory is not in the nearer caches.
#[repr(C)]
pub(crate) struct EndpointSeries {
    request_values: RequestLabelValues,
    /// Not used in siblings.
    page_route: PageRouteState,
    /// The list is short: most endpoints have one method.
    requests: AppendList<Method, RequestSeries>,
    families: &'static Families,
    /// The label, or [`BEYOND_LIMIT`] for all endpoints beyond the limit.
    label: &'static str,
    stream: OnceLock<Box<StreamSeries>>,
    /// Those of `calls` whose provider and model are literals in attributes, which are few.
    calls_of_literals: AppendList<[&'static str; 2], &'static CallSeries>,
    /// By provider and model.
    calls: BoundedMap<(Box<str>, BoundedMap<CallSeries>)>,
    calls_per_request: OnceLock<SeriesHandle<Histogram>>,
    overhead: OnceLock<SeriesHandle<Histogram>>,
    /// By model.
    pace: BoundedMap<PaceSeries>,
    /// By exception type and status.
    exceptions: BoundedMap<(Box<str>, ByStatus)>,
    /// The same endpoint with other values of the request labels.
    siblings: Siblings,
    /// The number of templates of this endpoint that are kept.
    templates: AtomicU8,
    limit: LabelLimit,
    prices: &'static CurrentPrices,
}

/// The counters of an exception type by status.
type ByStatus = AppendList<Option<u16>, SeriesHandle<Counter>>;

impl EndpointSeries {
    /// Creates the series of an endpoint without values of the request labels.
    pub(super) fn new(
        families: &'static Families,
        label: &str,
        limit: LabelLimit,
        prices: &'static CurrentPrices,
        siblings: &'static SiblingLimit,
    ) -> Self {
        let values = RequestLabelValues::default();
        // The series live as long as the process, and so does their label.
        let label = Box::leak(Box::from(label));
        let page_route = PageRouteState::of_label(label);
        Self { page_route, ..Self::with(families, label, values, limit, prices, siblings) }
    }

    fn with(
        families: &'static Families,
        label: &'static str,
        request_values: RequestLabelValues,
        limit: LabelLimit,
        prices: &'static CurrentPrices,
        siblings: &'static SiblingLimit,
    ) -> Self {
        Self {
            families,
            label,
            request_values,
            siblings: Siblings::new(siblings),
            page_route: PageRouteState::default(),
            templates: AtomicU8::new(0),
            limit,
            prices,
            requests: AppendList::new(),
            exceptions: BoundedMap::new(HASH_BUCKETS, limit),
            stream: OnceLock::new(),
            pace: BoundedMap::new(HASH_BUCKETS, limit),
            calls: BoundedMap::new(HASH_BUCKETS, limit),
            calls_of_literals: AppendList::new(),
            calls_per_request: OnceLock::new(),
            overhead: OnceLock::new(),
        }
    }

    /// Returns the series of this endpoint with these values of the request labels.
    #[inline]
    pub(crate) fn with_request_labels(&'static self, values: RequestLabelValues) -> &'static Self {
        if values == self.request_values {
            return self;
        }
        self.siblings.get_or_insert_with(values, |values, siblings| {
            Self::with(self.families, self.label, values, self.limit, self.prices, siblings)
        })
    }

    /// Returns the request series with this method.
    #[inline]
    pub(crate) fn requests(&'static self, method: Method) -> &'static RequestSeries {
        self.requests
            .find_or_append(|known| *known == method, || (method, RequestSeries::new(self, method)))
    }

    /// Returns a number that differs between instances.
    pub(crate) fn instance_address(&self) -> usize {
        std::ptr::from_ref(self.families).addr()
    }

    /// Returns the sibling that has the request labels of another endpoint.
    pub(crate) fn with_labels_of(&'static self, other: &Self) -> &'static Self {
        self.with_request_labels(other.request_values)
    }

    /// Returns the value of the `endpoint` label.
    pub(crate) fn label(&self) -> &'static str {
        if self.is_beyond_limit() { OVERFLOW } else { self.label }
    }

    /// Returns whether these are the series of all endpoints beyond the limit.
    pub(crate) fn is_beyond_limit(&self) -> bool {
        self.label == BEYOND_LIMIT
    }

    /// Returns whether one more template of this endpoint may be kept, and counts it if so. Threads
    /// that race for the first request to a route count its template several times.
    pub(super) fn may_keep_template(&self) -> bool {
        let one_more = |kept| (kept < MAX_TEMPLATES).then_some(kept + 1);
        self.templates.fetch_update(Relaxed, Relaxed, one_more).is_ok()
    }

    /// Returns whether the metrics page is served at this endpoint.
    #[inline]
    pub(crate) fn page_route(&self) -> PageRoute {
        self.page_route.get()
    }

    /// Notes whether the metrics page is served at this endpoint.
    pub(crate) fn set_page_route(&self, page_route: PageRoute) {
        self.page_route.set(page_route);
    }

    pub(crate) fn stream(&'static self) -> &'static StreamSeries {
        let new = || StreamSeries::new(self.families, self.label, self.request_values);
        self.stream.get_or_init(|| Box::new(new()))
    }

    pub(crate) fn pace(&'static self, model: &str) -> &'static PaceSeries {
        let new = |model: &str| PaceSeries::new(self.families, self.label, model);
        self.with_label_value(&self.pace, "model", model, new)
    }

    pub(crate) fn calls(&'static self, provider: &str, model: &str) -> &'static CallSeries {
        let of_provider = self.with_label_value(&self.calls, "provider", provider, |provider| {
            (provider.into(), BoundedMap::new(HASH_BUCKETS, self.limit))
        });
        let (provider, by_model): (&'static str, _) = (&of_provider.0, &of_provider.1);
        let new = |model: &str| {
            let cost = CostSeries::new(self.prices);
            CallSeries::new(self.families, self.label, (provider, model), self.request_values, cost)
        };
        if self.prices.has(model) {
            // A model with a price keeps its name here, even if the page shows it as `other`.
            by_model.get_or_insert_unbounded(model, new)
        } else {
            self.with_label_value(by_model, "model", model, new)
        }
    }

    /// Returns the entry of a map for a value of a label. If the label has a list of allowed
    /// values, the list bounds the map, and all other values share the entry `other`.
    fn with_label_value<V>(
        &self,
        map: &'static BoundedMap<V>,
        label: &str,
        value: &str,
        make: impl Fn(&str) -> V,
    ) -> &'static V {
        match self.families.allows(label, value) {
            None if value.is_empty() => map.get_or_insert_unbounded(value, make),
            None => map.get_or_insert_with(value, make),
            Some(true) => map.get_or_insert_unbounded(value, make),
            Some(false) => map.get_or_insert_unbounded(OVERFLOW, make),
        }
    }

    /// Returns the series of the calls with this provider and model, which are literals. They are
    /// compared by their addresses, which takes less time than to hash them.
    #[inline]
    pub(crate) fn calls_of_literals(
        &'static self,
        provider: &'static str,
        model: &'static str,
    ) -> &'static CallSeries {
        let is_same = |known: &[&'static str; 2]| {
            std::ptr::eq(known[0], provider) && std::ptr::eq(known[1], model)
        };
        match self.calls_of_literals.find(is_same) {
            Some(series) => series,
            None => self.find_calls_of_literals(provider, model, is_same),
        }
    }

    #[cold]
    fn find_calls_of_literals(
        &'static self,
        provider: &'static str,
        model: &'static str,
        is_same: impl Fn(&[&'static str; 2]) -> bool,
    ) -> &'static CallSeries {
        let series = self.calls(provider, model);
        // A model that counts as `other` has series of its own once it has a price.
        if series.has_labels(provider, model) {
            self.calls_of_literals.find_or_append(is_same, || ([provider, model], series));
        }
        series
    }

    /// Returns the series of the number of calls of a request.
    pub(crate) fn calls_per_request(&self) -> &SeriesHandle<Histogram> {
        let families = &self.families;
        self.calls_per_request.get_or_init(|| families.llm_calls_per_request.series([self.label]))
    }

    /// Returns the series of the time of a request in which no call was open.
    pub(crate) fn overhead(&self) -> &SeriesHandle<Histogram> {
        self.overhead.get_or_init(|| self.families.llm_overhead.series([self.label]))
    }

    /// Counts an exception in `exceptions_total`. `status` is the one that the error became, if
    /// that is known.
    pub(crate) fn count_exception(&self, exception_type: &str, status: Option<u16>) {
        let new = |exception_type: &str| (exception_type.into(), AppendList::new());
        let (exception_type, by_status) = self.exceptions.get_or_insert_with(exception_type, new);
        by_status
            .find_or_append(
                |known| *known == status,
                || {
                    let status_label = status.map(|status| self.families.status_label(status));
                    let status_label = status_label.unwrap_or_default();
                    let labels = [self.label, &**exception_type, &*status_label];
                    (status, self.families.exceptions.series(self.request_values.with(labels)))
                },
            )
            .add(1);
    }

    /// Emits the event of an exception.
    ///
    /// A `tracing` subscriber is user code, so this must not be called inside `request::current`: a
    /// subscriber that records would find no request.
    pub(crate) fn log_exception(&self, exception_type: &str, status: Option<u16>) {
        events::exception(self.label(), exception_type, status);
    }
}

/// The request series of one endpoint, method and combination of request labels. The fields that
/// each request reads come first.
#[repr(C)]
pub(crate) struct RequestSeries {
    endpoint: &'static EndpointSeries,
    ends: AppendList<RequestEnd, RequestEndSeries>,
    active: OnceLock<SeriesHandle<Gauge>>,
    response_size: OnceLock<SeriesHandle<Histogram>>,
    request_size: OnceLock<SeriesHandle<Histogram>>,
    method: Method,
}

/// A request that has ended.
pub(crate) struct EndedRequest {
    pub(crate) end: RequestEnd,
    pub(crate) duration: Duration,
    /// The sizes of the bodies in bytes, if they are known.
    pub(crate) request_size: Option<u64>,
    pub(crate) response_size: Option<u64>,
}

/// The series of the requests that ended with the same status and outcome.
struct RequestEndSeries {
    requests: SeriesHandle<Counter>,
    errors: Option<SeriesHandle<Counter>>,
    duration: SeriesHandle<Histogram>,
}

impl RequestSeries {
    fn new(endpoint: &'static EndpointSeries, method: Method) -> Self {
        Self {
            endpoint,
            method,
            active: OnceLock::new(),
            request_size: OnceLock::new(),
            response_size: OnceLock::new(),
            ends: AppendList::new(),
        }
    }

    /// Returns the endpoint of these series.
    pub(crate) fn endpoint(&self) -> &'static EndpointSeries {
        self.endpoint
    }

    /// Returns the gauge of the requests that arrived with these values of the request labels. It
    /// is created when it is first needed, because a handler may set other values later.
    pub(crate) fn active(&self) -> &SeriesHandle<Gauge> {
        self.active.get_or_init(|| self.endpoint.families.active_requests.series(self.labels()))
    }

    /// Records a request that was active in this series and has ended. It is counted in `counted`,
    /// which differs if request labels were set while the request was served.
    #[inline]
    pub(crate) fn record_end(&self, counted: &Self, request: &EndedRequest) {
        // The series are created before the numbers are written, which must not take long.
        let active = self.active();
        let ended = counted.end_series(request.end);
        let duration = nanos(request.duration);
        let request_size = request.request_size.map(|size| (counted.request_size(), size));
        let response_size = request.response_size.map(|size| (counted.response_size(), size));
        recording(move |writer| {
            active.dec_and_show(writer);
            ended.requests.add_with(writer, 1);
            if let Some(errors) = &ended.errors {
                errors.add_with(writer, 1);
            }
            ended.duration.observe_with(writer, duration);
            if let Some((series, size)) = request_size {
                series.observe_with(writer, size);
            }
            if let Some((series, size)) = response_size {
                series.observe_with(writer, size);
            }
        });
        #[cfg(feature = "exemplars")]
        {
            ended.duration.record_exemplar(duration);
            for (series, size) in request_size.into_iter().chain(response_size) {
                series.record_exemplar(size);
            }
        }
    }

    #[inline]
    fn end_series(&self, end: RequestEnd) -> &RequestEndSeries {
        self.ends.find_or_append(
            |known| *known == end,
            || {
                let EndpointSeries { families, request_values, label: endpoint, .. } =
                    self.endpoint;
                let method = self.method.as_str();
                let status = &*families.status_label(end.status);
                let outcome = end.outcome.as_str();
                let labels = request_values.with([method, endpoint, status, outcome]);
                let requests = families.http_requests.series(labels);
                let errors = end.error.map(|error| {
                    let labels = [method, endpoint, status, error.as_str()];
                    families.errors.series(request_values.with(labels))
                });
                let labels = request_values.with([method, endpoint, outcome]);
                let duration = families.http_request_duration.series(labels);
                (end, RequestEndSeries { requests, errors, duration })
            },
        )
    }

    fn request_size(&self) -> &SeriesHandle<Histogram> {
        self.request_size.get_or_init(|| self.size_series(&self.endpoint.families.request_size))
    }

    fn response_size(&self) -> &SeriesHandle<Histogram> {
        self.response_size.get_or_init(|| self.size_series(&self.endpoint.families.response_size))
    }

    /// Creates the series of a successful request at zero.
    pub(super) fn declare(&self) {
        self.active().show();
        self.end_series(RequestEnd { status: 200, outcome: Outcome::Success, error: None });
    }

    fn size_series(&self, family: &Family<Histogram, 2>) -> SeriesHandle<Histogram> {
        family.series(self.labels())
    }

    /// Returns the labels of the families that have no label but the method, the endpoint and the
    /// request labels.
    fn labels(&self) -> LabelValues<'_, 2> {
        self.endpoint.request_values.with([self.method.as_str(), self.endpoint.label])
    }
}
