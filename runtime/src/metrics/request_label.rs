//! The label whose value is taken from each request.

use http::{Extensions, HeaderName, HeaderValue, Request};

use crate::family::{RequestLabelValue, RequestLabelValues};

/// A label of the request families: its name, its source and its allowed values.
#[derive(Clone, Debug)]
pub(super) struct RequestLabel {
    pub(super) name: String,
    pub(super) source: RequestLabelSource,
    pub(super) values: Vec<Box<str>>,
}

/// The part of a request that contains the label's value.
#[derive(Clone, Debug)]
pub(super) enum RequestLabelSource {
    /// `None` if the name is not a valid header name, which `build` rejects.
    Header(Option<HeaderName>),
    Extension(fn(&Extensions) -> Option<&str>),
}

impl RequestLabelSource {
    pub(super) fn from_header(name: &str) -> Self {
        Self::Header(HeaderName::from_bytes(name.as_bytes()).ok())
    }

    /// Returns the value of the label for a request: one of the allowed values, or their overflow.
    pub(super) fn value_for<B>(
        &self,
        request: &Request<B>,
        values: &RequestLabelValues,
    ) -> RequestLabelValue {
        let value = match self {
            Self::Header(name) => {
                let header = name.as_ref().and_then(|name| request.headers().get(name));
                header.map(HeaderValue::as_bytes)
            }
            Self::Extension(value) => value(request.extensions()).map(str::as_bytes),
        };
        value.map_or(RequestLabelValue::EMPTY, |value| values.find(value))
    }
}

impl RequestLabel {
    pub(super) fn source_is_valid(&self) -> bool {
        !matches!(self.source, RequestLabelSource::Header(None))
    }

    pub(super) fn values(&self) -> RequestLabelValues {
        RequestLabelValues {
            name: Some(self.name.as_str().into()),
            allowed: self.values.clone().into(),
        }
    }
}
