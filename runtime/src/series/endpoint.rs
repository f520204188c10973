//! The series of one endpoint, and the request series in it.

use std::sync::{Arc, OnceLock};

use super::cost::CostSeries;
use super::events;
use super::page_route::{PageRoute, PageRouteState};
use super::siblings::{SiblingLimit, Siblings};
use super::{CallSeries, PaceSeries, StreamSeries};
use crate::family::{
    AppendList, BoundedMap, Counter, Families, Family, Gauge, Histogram, LabelLimit, LabelValues,
    OVERFLOW, RequestLabelValues, SeriesHandle,
};
use crate::label::Method;
use crate::outcome::{Outcome, RequestEnd};
use crate::price::CurrentPrices;

/// The number of hash buckets of the maps within an endpoint, which hold a few models, providers or
/// exception types.
const HASH_BUCKETS: usize = 8;

/// All series with one value of the `endpoint` label and one combination of the request labels'
/// values. Each is resolved when it is first needed.
pub(crate) struct EndpointSeries {
    families: Arc<Families>,
    label: Arc<str>,
    request_values: RequestLabelValues,
    /// The same endpoint with other values of the request labels.
    siblings: Siblings,
    /// Not used in siblings.
    page_route: PageRouteState,
    limit: LabelLimit,
    prices: Arc<CurrentPrices>,
    /// The list is short: most endpoints have one method.
    requests: AppendList<Method, RequestSeries>,
    /// By exception type and status.
    exceptions: BoundedMap<AppendList<Option<u16>, SeriesHandle<Counter>>>,
    stream: OnceLock<Arc<StreamSeries>>,
    /// By model.
    pace: BoundedMap<PaceSeries>,
    /// By provider and model.
    calls: BoundedMap<BoundedMap<CallSeries>>,
    calls_per_request: OnceLock<SeriesHandle<Histogram>>,
    overhead: OnceLock<SeriesHandle<Histogram>>,
}

impl EndpointSeries {
    /// Creates the series of an endpoint without values of the request labels.
    pub(super) fn new(
        families: &Arc<Families>,
        label: &str,
        limit: LabelLimit,
        prices: &Arc<CurrentPrices>,
        siblings: SiblingLimit,
    ) -> Self {
        Self {
            families: Arc::clone(families),
            label: label.into(),
            request_values: RequestLabelValues::default(),
            siblings: Siblings::new(siblings),
            page_route: PageRouteState::of_label(label),
            limit,
            prices: Arc::clone(prices),
            requests: AppendList::new(),
            exceptions: BoundedMap::new(HASH_BUCKETS, limit),
            stream: OnceLock::new(),
            pace: BoundedMap::new(HASH_BUCKETS, limit),
            calls: BoundedMap::new(HASH_BUCKETS, limit),
            calls_per_request: OnceLock::new(),
            overhead: OnceLock::new(),
        }
    }

    /// Returns the series of this endpoint with these values of the request labels.
    #[inline]
    pub(crate) fn with_request_labels(self: &Arc<Self>, values: RequestLabelValues) -> &Arc<Self> {
        if values == self.request_values {
            return self;
        }
        self.siblings.get_or_insert_with(values, |values, siblings| Self {
            families: Arc::clone(&self.families),
            label: Arc::clone(&self.label),
            request_values: values,
            siblings,
            page_route: PageRouteState::default(),
            limit: self.limit,
            prices: Arc::clone(&self.prices),
            requests: AppendList::new(),
            exceptions: BoundedMap::new(HASH_BUCKETS, self.limit),
            stream: OnceLock::new(),
            pace: BoundedMap::new(HASH_BUCKETS, self.limit),
            calls: BoundedMap::new(HASH_BUCKETS, self.limit),
            calls_per_request: OnceLock::new(),
            overhead: OnceLock::new(),
        })
    }

    /// Returns the request series with this method.
    pub(crate) fn requests(&self, method: Method) -> &RequestSeries {
        self.requests
            .find_or_append(|known| *known == method, || (method, RequestSeries::new(self, method)))
    }

    /// Returns a number that tells instances apart.
    pub(crate) fn instance_address(&self) -> usize {
        Arc::as_ptr(&self.families).addr()
    }

    /// Returns the sibling that has the request labels of another endpoint.
    pub(crate) fn with_labels_of(self: &Arc<Self>, other: &Self) -> Arc<Self> {
        Arc::clone(self.with_request_labels(other.request_values))
    }

    /// Returns the value of the `endpoint` label.
    pub(crate) fn label(&self) -> &str {
        &self.label
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

    pub(crate) fn stream(&self) -> Arc<StreamSeries> {
        let new = || StreamSeries::new(&self.families, &self.label, self.request_values);
        Arc::clone(self.stream.get_or_init(|| Arc::new(new())))
    }

    pub(crate) fn pace(&self, model: &str) -> Arc<PaceSeries> {
        let model = self.allowed_or_other("model", model);
        self.pace.get_or_insert_with(model, || PaceSeries::new(&self.families, &self.label, model))
    }

    pub(crate) fn calls(&self, provider: &str, model: &str) -> Arc<CallSeries> {
        let provider = self.allowed_or_other("provider", provider);
        // A model with a price keeps its name here, even if the page shows it as `other`.
        let keeps_name = self.families.allows("model", model) || self.prices.has(model);
        let model = if keeps_name { model } else { OVERFLOW };
        self.calls
            .get_or_insert_with(provider, || BoundedMap::new(HASH_BUCKETS, self.limit))
            .get_or_insert_with(model, || {
                let cost = CostSeries::new(&self.prices);
                let labels = [provider, model];
                CallSeries::new(&self.families, &self.label, labels, self.request_values, cost)
            })
    }

    /// Returns the series of the number of calls of a request.
    pub(crate) fn calls_per_request(&self) -> &SeriesHandle<Histogram> {
        let families = &self.families;
        self.calls_per_request.get_or_init(|| families.llm_calls_per_request.series([&*self.label]))
    }

    /// Returns the series of the time of a request in which no call was open.
    pub(crate) fn overhead(&self) -> &SeriesHandle<Histogram> {
        self.overhead.get_or_init(|| self.families.llm_overhead.series([&*self.label]))
    }

    /// Returns the value, or `other` if the label has a list of allowed values without it. So all
    /// values that are not allowed share one entry of a map.
    fn allowed_or_other<'a>(&self, label: &str, value: &'a str) -> &'a str {
        if self.families.allows(label, value) { value } else { OVERFLOW }
    }

    /// Counts an exception in `exceptions_total`. `status` is the one that the error became, if
    /// that is known.
    pub(crate) fn count_exception(&self, exception_type: &str, status: Option<u16>) {
        self.exceptions
            .get_or_insert_with(exception_type, AppendList::new)
            .find_or_append(
                |known| *known == status,
                || {
                    let status_label = status.map(|status| self.families.status_label(status));
                    let status_label = status_label.unwrap_or_default();
                    let labels = [&*self.label, exception_type, &*status_label];
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
        events::exception(&self.label, exception_type, status);
    }
}

/// The request series of one endpoint, method and combination of request labels.
pub(crate) struct RequestSeries {
    families: Arc<Families>,
    endpoint: Arc<str>,
    method: Method,
    request_values: RequestLabelValues,
    active: OnceLock<SeriesHandle<Gauge>>,
    request_size: OnceLock<SeriesHandle<Histogram>>,
    response_size: OnceLock<SeriesHandle<Histogram>>,
    ends: AppendList<RequestEnd, RequestEndSeries>,
}

/// The series of the requests that ended with the same status and outcome.
pub(crate) struct RequestEndSeries {
    requests: SeriesHandle<Counter>,
    errors: Option<SeriesHandle<Counter>>,
    pub(crate) duration: SeriesHandle<Histogram>,
}

impl RequestSeries {
    fn new(endpoint: &EndpointSeries, method: Method) -> Self {
        Self {
            families: Arc::clone(&endpoint.families),
            endpoint: Arc::clone(&endpoint.label),
            method,
            request_values: endpoint.request_values,
            active: OnceLock::new(),
            request_size: OnceLock::new(),
            response_size: OnceLock::new(),
            ends: AppendList::new(),
        }
    }

    /// Returns the gauge of the requests that arrived with these values of the request labels. It
    /// is created when it is first needed, because a handler may set other values later.
    pub(crate) fn active(&self) -> &SeriesHandle<Gauge> {
        self.active.get_or_init(|| self.families.active_requests.series(self.labels()))
    }

    /// Counts a request that has ended. The caller observes the duration in the returned series.
    pub(crate) fn end(&self, end: RequestEnd) -> &RequestEndSeries {
        let series = self.end_series(end);
        series.requests.add(1);
        if let Some(errors) = &series.errors {
            errors.add(1);
        }
        series
    }

    fn end_series(&self, end: RequestEnd) -> &RequestEndSeries {
        self.ends.find_or_append(
            |known| *known == end,
            || {
                let families = &*self.families;
                let (method, endpoint) = (self.method.as_str(), &*self.endpoint);
                let status = &*families.status_label(end.status);
                let outcome = end.outcome.as_str();
                let labels = self.request_values.with([method, endpoint, status, outcome]);
                let requests = families.http_requests.series(labels);
                let errors = end.error.map(|error| {
                    let labels = [method, endpoint, status, error.as_str()];
                    families.errors.series(self.request_values.with(labels))
                });
                let labels = self.request_values.with([method, endpoint, outcome]);
                let duration = families.http_request_duration.series(labels);
                (end, RequestEndSeries { requests, errors, duration })
            },
        )
    }

    pub(crate) fn request_size(&self) -> &SeriesHandle<Histogram> {
        self.request_size.get_or_init(|| self.size_series(&self.families.request_size))
    }

    pub(crate) fn response_size(&self) -> &SeriesHandle<Histogram> {
        self.response_size.get_or_init(|| self.size_series(&self.families.response_size))
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
        self.request_values.with([self.method.as_str(), &*self.endpoint])
    }
}
