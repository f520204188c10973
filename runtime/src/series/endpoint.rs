//! The series of one endpoint, and the request series in it.

use std::sync::{Arc, OnceLock};

use super::cost::CostSeries;
use super::events;
use super::{PaceSeries, StreamSeries, TokenSeries};
use crate::family::{
    AppendList, BoundedMap, Counter, Families, Family, Gauge, Histogram, LabelLimit, LabelValues,
    OVERFLOW, RequestLabelValue, SeriesHandle,
};
use crate::label::Method;
use crate::outcome::{Outcome, RequestEnd};
use crate::price::Prices;

/// The number of hash buckets of the maps within an endpoint, which hold a few models, providers or
/// exception types.
const HASH_BUCKETS: usize = 8;

/// The labels of a request that are known when it arrives, besides its endpoint.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestLabels {
    pub(crate) method: Method,
    pub(crate) request_label: RequestLabelValue,
}

impl From<Method> for RequestLabels {
    fn from(method: Method) -> Self {
        Self { method, request_label: RequestLabelValue::EMPTY }
    }
}

/// All series with one value of the `endpoint` label. Each is resolved when it is first needed.
pub(crate) struct EndpointSeries {
    families: Arc<Families>,
    label: Arc<str>,
    limit: LabelLimit,
    prices: Arc<Prices>,
    /// One list for each value of the request label. Lists are short: most endpoints have one
    /// method.
    requests: Box<[AppendList<Method, RequestSeries>]>,
    /// By exception type and status.
    exceptions: BoundedMap<AppendList<u16, SeriesHandle<Counter>>>,
    stream: OnceLock<Arc<StreamSeries>>,
    /// By model.
    pace: BoundedMap<PaceSeries>,
    /// By provider and model.
    tokens: BoundedMap<BoundedMap<TokenSeries>>,
}

impl EndpointSeries {
    pub(super) fn new(
        families: &Arc<Families>,
        label: &str,
        limit: LabelLimit,
        prices: &Arc<Prices>,
    ) -> Self {
        Self {
            families: Arc::clone(families),
            label: label.into(),
            limit,
            prices: Arc::clone(prices),
            requests: (0..families.request_label_count()).map(|_| AppendList::new()).collect(),
            exceptions: BoundedMap::new(HASH_BUCKETS, limit),
            stream: OnceLock::new(),
            pace: BoundedMap::new(HASH_BUCKETS, limit),
            tokens: BoundedMap::new(HASH_BUCKETS, limit),
        }
    }

    /// Returns the request series with these labels.
    pub(crate) fn requests(&self, labels: RequestLabels) -> &RequestSeries {
        self.requests[labels.request_label.index()].find_or_append(
            |method| *method == labels.method,
            || (labels.method, RequestSeries::new(&self.families, &self.label, labels)),
        )
    }

    /// Returns the value of the `endpoint` label.
    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    pub(crate) fn stream(&self) -> Arc<StreamSeries> {
        Arc::clone(
            self.stream.get_or_init(|| Arc::new(StreamSeries::new(&self.families, &self.label))),
        )
    }

    pub(crate) fn pace(&self, model: &str) -> Arc<PaceSeries> {
        let model = self.allowed_or_other("model", model);
        self.pace.get_or_insert_with(model, || PaceSeries::new(&self.families, &self.label, model))
    }

    pub(crate) fn tokens(&self, provider: &str, model: &str) -> Arc<TokenSeries> {
        let provider = self.allowed_or_other("provider", provider);
        // A model with a price keeps its name here, even if the page shows it as `other`.
        let is_priced = self.prices.get(model).is_some();
        let model = if is_priced { model } else { self.allowed_or_other("model", model) };
        self.tokens
            .get_or_insert_with(provider, || BoundedMap::new(HASH_BUCKETS, self.limit))
            .get_or_insert_with(model, || {
                let cost = CostSeries::for_model(model, &self.prices);
                TokenSeries::new(&self.families, &self.label, [provider, model], cost)
            })
    }

    /// Returns the value, or `other` if the label has a list of allowed values without it. So all
    /// values that are not allowed share one entry of a map.
    fn allowed_or_other<'a>(&self, label: &str, value: &'a str) -> &'a str {
        if self.families.allows(label, value) { value } else { OVERFLOW }
    }

    /// Counts an exception in `exceptions_total` and emits its event.
    ///
    /// A `tracing` subscriber is user code, so this must not be called inside `request::current`: a
    /// subscriber that records would find no request.
    pub(crate) fn count_exception(&self, exception_type: &str, status: u16) {
        self.exceptions
            .get_or_insert_with(exception_type, AppendList::new)
            .find_or_append(
                |known| *known == status,
                || {
                    let status_label = self.families.status_label(status);
                    let labels = [&*self.label, exception_type, &*status_label];
                    (status, self.families.exceptions.series(labels))
                },
            )
            .add(1);
        events::exception(&self.label, exception_type, status);
    }
}

/// The request series of one endpoint, method and request label.
pub(crate) struct RequestSeries {
    families: Arc<Families>,
    endpoint: Arc<str>,
    labels: RequestLabels,
    pub(crate) active: SeriesHandle<Gauge>,
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
    fn new(families: &Arc<Families>, endpoint: &Arc<str>, labels: RequestLabels) -> Self {
        let active = families.active_requests.series(LabelValues {
            values: [labels.method.as_str(), endpoint],
            request_label: families.request_label_text(labels.request_label),
        });
        Self {
            families: Arc::clone(families),
            endpoint: Arc::clone(endpoint),
            labels,
            active,
            request_size: OnceLock::new(),
            response_size: OnceLock::new(),
            ends: AppendList::new(),
        }
    }

    /// Counts a request that has ended. The caller observes the duration in the returned series.
    pub(crate) fn end(&self, end: RequestEnd) -> &RequestEndSeries {
        self.active.show();
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
                let (method, endpoint) = (self.labels.method.as_str(), &*self.endpoint);
                let status = &*families.status_label(end.status);
                let outcome = end.outcome.as_str();
                let requests = families
                    .http_requests
                    .series(self.with_request_label([method, endpoint, status, outcome]));
                let errors = end.error.map(|error| {
                    let labels = [method, endpoint, status, error.as_str()];
                    families.errors.series(self.with_request_label(labels))
                });
                let duration = families
                    .http_request_duration
                    .series(self.with_request_label([method, endpoint, outcome]));
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
        self.active.show();
        self.end_series(RequestEnd { status: 200, outcome: Outcome::Success, error: None });
    }

    fn size_series(&self, family: &Family<Histogram, 2>) -> SeriesHandle<Histogram> {
        family.series(self.with_request_label([self.labels.method.as_str(), &self.endpoint]))
    }

    fn with_request_label<'a, const L: usize>(
        &'a self,
        values: [&'a str; L],
    ) -> LabelValues<'a, L> {
        let request_label = self.families.request_label_text(self.labels.request_label);
        LabelValues { values, request_label }
    }
}
