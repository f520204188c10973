//! The resolved series of one endpoint.

use std::sync::{Arc, OnceLock};

use super::{PaceSeries, StreamSeries, TokenSeries};
use crate::family::{
    Chain, Counter, ErrorType, Families, Gauge, Handle, Histogram, Limit, Method, Outcome, Table,
};

/// Chains of the tables within an endpoint: a handful of models, providers or exception types.
const CHAINS: usize = 8;

/// Everything recorded under one `endpoint` label, resolved as it is first needed.
pub(crate) struct EndpointSeries {
    families: Arc<Families>,
    label: Arc<str>,
    limit: Limit,
    methods: [OnceLock<MethodSeries>; Method::COUNT],
    exceptions: Table<Chain<u16, Handle<Counter>>>,
    stream: OnceLock<Arc<StreamSeries>>,
    pace: Table<PaceSeries>,
    tokens: Table<Table<TokenSeries>>,
}

impl EndpointSeries {
    pub(super) fn new(families: &Arc<Families>, label: &str, limit: Limit) -> Self {
        Self {
            families: Arc::clone(families),
            label: label.into(),
            limit,
            methods: [const { OnceLock::new() }; Method::COUNT],
            exceptions: Table::new(CHAINS, limit),
            stream: OnceLock::new(),
            pace: Table::new(CHAINS, limit),
            tokens: Table::new(CHAINS, limit),
        }
    }

    pub(crate) fn method(&self, method: Method) -> &MethodSeries {
        self.methods[method.index()]
            .get_or_init(|| MethodSeries::new(&self.families, &self.label, method))
    }

    pub(crate) fn stream(&self) -> Arc<StreamSeries> {
        Arc::clone(
            self.stream.get_or_init(|| Arc::new(StreamSeries::new(&self.families, &self.label))),
        )
    }

    pub(crate) fn pace(&self, model: &str) -> Arc<PaceSeries> {
        self.pace.get_or_make(model, || PaceSeries::new(&self.families, &self.label, model))
    }

    pub(crate) fn tokens(&self, provider: &str, model: &str) -> Arc<TokenSeries> {
        self.tokens
            .get_or_make(provider, || Table::new(CHAINS, self.limit))
            .get_or_make(model, || TokenSeries::new(&self.families, &self.label, provider, model))
    }

    /// Counts an error that belongs to this endpoint.
    pub(crate) fn exception(&self, exception_type: &str, status: u16) {
        self.exceptions
            .get_or_make(exception_type, Chain::new)
            .insert(
                |known| *known == status,
                || {
                    let labels = [&*self.label, exception_type, &status.to_string()];
                    (status, self.families.exceptions.series(&self.families, labels))
                },
            )
            .add(1);
    }
}

/// The request families of one endpoint and method.
pub(crate) struct MethodSeries {
    families: Arc<Families>,
    label: Arc<str>,
    method: Method,
    pub(crate) active: Handle<Gauge>,
    duration: [OnceLock<Handle<Histogram>>; Outcome::COUNT],
    request_size: OnceLock<Handle<Histogram>>,
    response_size: OnceLock<Handle<Histogram>>,
    ends: Chain<End, EndSeries>,
}

/// How a request ended, as its labels say it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) status: u16,
    pub(crate) outcome: Outcome,
    pub(crate) error: Option<ErrorType>,
}

struct EndSeries {
    requests: Handle<Counter>,
    errors: Option<Handle<Counter>>,
}

impl MethodSeries {
    fn new(families: &Arc<Families>, label: &Arc<str>, method: Method) -> Self {
        Self {
            families: Arc::clone(families),
            label: Arc::clone(label),
            method,
            active: families.active_requests.series(families, [method.as_str(), label]),
            duration: [const { OnceLock::new() }; Outcome::COUNT],
            request_size: OnceLock::new(),
            response_size: OnceLock::new(),
            ends: Chain::new(),
        }
    }

    /// Counts the end of a request.
    pub(crate) fn end(&self, end: End) {
        self.active.show();
        let series = self.end_series(end);
        series.requests.add(1);
        if let Some(errors) = &series.errors {
            errors.add(1);
        }
    }

    fn end_series(&self, end: End) -> &EndSeries {
        self.ends.insert(
            |known| *known == end,
            || {
                let families = &*self.families;
                let (method, status) = (self.method.as_str(), end.status.to_string());
                let labels = [method, &*self.label, &*status, end.outcome.as_str()];
                let requests = families.http_requests.series(families, labels);
                let errors = end.error.map(|error| {
                    let labels = [method, &*self.label, &*status, error.as_str()];
                    families.errors.series(families, labels)
                });
                (end, EndSeries { requests, errors })
            },
        )
    }

    pub(crate) fn duration(&self, outcome: Outcome) -> &Handle<Histogram> {
        self.duration[outcome.index()].get_or_init(|| {
            let labels = [self.method.as_str(), &*self.label, outcome.as_str()];
            self.families.http_request_duration.series(&self.families, labels)
        })
    }

    pub(crate) fn request_size(&self) -> &Handle<Histogram> {
        self.request_size
            .get_or_init(|| self.families.request_size.series(&self.families, self.labels()))
    }

    pub(crate) fn response_size(&self) -> &Handle<Histogram> {
        self.response_size
            .get_or_init(|| self.families.response_size.series(&self.families, self.labels()))
    }

    /// Makes the series of a plain success exist.
    pub(super) fn declare(&self) {
        self.active.show();
        self.end_series(End { status: 200, outcome: Outcome::Success, error: None });
        self.duration(Outcome::Success);
    }

    fn labels(&self) -> [&str; 2] {
        [self.method.as_str(), &self.label]
    }
}
