//! The resolved series of one endpoint.

use std::sync::{Arc, OnceLock};

use super::event::tell;
use super::tokens::Cost;
use super::{PaceSeries, StreamSeries, TokenSeries};
use crate::family::{
    AppendList, BoundedMap, Class, Counter, Families, Family, Gauge, Histogram, Limit, OVERFLOW,
    SeriesHandle,
};
use crate::label::Method;
use crate::outcome::Outcome;
use crate::outcome::RequestEnd;
use crate::price::Prices;

/// Chains of the tables within an endpoint: a handful of models, providers or exception types.
const CHAINS: usize = 8;

/// What is a label of a request from its entry on, beside its endpoint.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestLabels {
    pub(crate) method: Method,
    pub(crate) class: Class,
}

impl From<Method> for RequestLabels {
    fn from(method: Method) -> Self {
        Self { method, class: Class::UNKNOWN }
    }
}

/// Everything recorded under one `endpoint` label, resolved as it is first needed.
pub(crate) struct EndpointSeries {
    families: Arc<Families>,
    label: Arc<str>,
    limit: Limit,
    prices: Arc<Prices>,
    /// By class; most endpoints have one method.
    requests: Box<[AppendList<Method, RequestSeries>]>,
    exceptions: BoundedMap<AppendList<u16, SeriesHandle<Counter>>>,
    stream: OnceLock<Arc<StreamSeries>>,
    pace: BoundedMap<PaceSeries>,
    tokens: BoundedMap<BoundedMap<TokenSeries>>,
}

impl EndpointSeries {
    pub(super) fn new(
        families: &Arc<Families>,
        label: &str,
        limit: Limit,
        prices: &Arc<Prices>,
    ) -> Self {
        Self {
            families: Arc::clone(families),
            label: label.into(),
            limit,
            prices: Arc::clone(prices),
            requests: (0..families.classes()).map(|_| AppendList::new()).collect(),
            exceptions: BoundedMap::new(CHAINS, limit),
            stream: OnceLock::new(),
            pace: BoundedMap::new(CHAINS, limit),
            tokens: BoundedMap::new(CHAINS, limit),
        }
    }

    pub(crate) fn requests(&self, kind: RequestLabels) -> &RequestSeries {
        self.requests[kind.class.index()].insert(
            |method| *method == kind.method,
            || (kind.method, RequestSeries::new(&self.families, &self.label, kind)),
        )
    }

    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    pub(crate) fn stream(&self) -> Arc<StreamSeries> {
        Arc::clone(
            self.stream.get_or_init(|| Arc::new(StreamSeries::new(&self.families, &self.label))),
        )
    }

    pub(crate) fn pace(&self, model: &str) -> Arc<PaceSeries> {
        let model = self.listed("model", model);
        self.pace.get_or_make(model, || PaceSeries::new(&self.families, &self.label, model))
    }

    pub(crate) fn tokens(&self, provider: &str, model: &str) -> Arc<TokenSeries> {
        let provider = self.listed("provider", provider);
        // A model that is not listed has its price all the same.
        let is_priced = self.prices.of(model).is_some();
        let model = if is_priced { model } else { self.listed("model", model) };
        self.tokens.get_or_make(provider, || BoundedMap::new(CHAINS, self.limit)).get_or_make(
            model,
            || {
                let cost = Cost::of(model, &self.prices);
                TokenSeries::new(&self.families, &self.label, [provider, model], cost)
            },
        )
    }

    /// The value itself, or what stands for all that are not listed: those share their series at once.
    fn listed<'a>(&self, label: &str, value: &'a str) -> &'a str {
        if self.families.allows(label, value) { value } else { OVERFLOW }
    }

    /// Counts an error that belongs to this endpoint, and tells of it. A subscriber is the user's code:
    /// the caller must not hold the request's scope.
    pub(crate) fn count_exception(&self, exception_type: &str, status: u16) {
        self.exceptions
            .get_or_make(exception_type, AppendList::new)
            .insert(
                |known| *known == status,
                || {
                    let labels = [&*self.label, exception_type, &self.families.status(status)];
                    (status, self.families.exceptions.series(&self.families, labels))
                },
            )
            .add(1);
        tell(|| {
            tracing::warn!(
                target: "streamgauge",
                endpoint = &*self.label,
                exception_type,
                status,
                "a handler failed"
            );
        });
    }
}

/// The request families of one endpoint and kind.
pub(crate) struct RequestSeries {
    families: Arc<Families>,
    label: Arc<str>,
    kind: RequestLabels,
    pub(crate) active: SeriesHandle<Gauge>,
    request_size: OnceLock<SeriesHandle<Histogram>>,
    response_size: OnceLock<SeriesHandle<Histogram>>,
    ends: AppendList<RequestEnd, RequestEndSeries>,
}

/// What a request records that has ended so.
pub(crate) struct RequestEndSeries {
    requests: SeriesHandle<Counter>,
    errors: Option<SeriesHandle<Counter>>,
    pub(crate) duration: SeriesHandle<Histogram>,
}

impl RequestSeries {
    fn new(families: &Arc<Families>, label: &Arc<str>, kind: RequestLabels) -> Self {
        let class = families.class(kind.class);
        let labels = [kind.method.as_str(), label];
        Self {
            families: Arc::clone(families),
            label: Arc::clone(label),
            kind,
            active: families.active_requests.series_of(families, class, labels),
            request_size: OnceLock::new(),
            response_size: OnceLock::new(),
            ends: AppendList::new(),
        }
    }

    /// Counts the end of a request. How long it took is for whoever knows to observe.
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
        self.ends.insert(
            |known| *known == end,
            || {
                let families = &*self.families;
                let class = families.class(self.kind.class);
                let (method, status) = (self.kind.method.as_str(), families.status(end.status));
                let outcome = end.outcome.as_str();
                let labels = [method, &*self.label, &*status, outcome];
                let requests = families.http_requests.series_of(families, class, labels);
                let errors = end.error.map(|error| {
                    let labels = [method, &*self.label, &*status, error.as_str()];
                    families.errors.series_of(families, class, labels)
                });
                let labels = [method, &*self.label, outcome];
                let duration = families.http_request_duration.series_of(families, class, labels);
                (end, RequestEndSeries { requests, errors, duration })
            },
        )
    }

    pub(crate) fn request_size(&self) -> &SeriesHandle<Histogram> {
        self.request_size.get_or_init(|| self.size_of(&self.families.request_size))
    }

    pub(crate) fn response_size(&self) -> &SeriesHandle<Histogram> {
        self.response_size.get_or_init(|| self.size_of(&self.families.response_size))
    }

    /// Makes the series of a plain success exist.
    pub(super) fn declare(&self) {
        self.active.show();
        self.end_series(RequestEnd { status: 200, outcome: Outcome::Success, error: None });
    }

    fn size_of(&self, family: &Family<Histogram, 2>) -> SeriesHandle<Histogram> {
        let class = self.families.class(self.kind.class);
        family.series_of(&self.families, class, [self.kind.method.as_str(), &self.label])
    }
}
