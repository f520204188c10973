//! The label that is taken from each request.

use http::{Extensions, HeaderName, HeaderValue, Request};

use crate::family::{Class, Classes};

/// A label, where its value comes from, and which values it may have.
#[derive(Clone, Debug)]
pub(super) struct RequestLabel {
    pub(super) name: String,
    pub(super) source: Source,
    pub(super) values: Vec<Box<str>>,
}

/// The part of a request that a label is taken from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// None where the user has named a header that cannot be.
    Header(Option<HeaderName>),
    Extension(fn(&Extensions) -> Option<&str>),
}

impl Source {
    pub(super) fn header(name: &str) -> Self {
        Self::Header(HeaderName::from_bytes(name.as_bytes()).ok())
    }

    /// The class of a request.
    pub(super) fn class_of<B>(&self, request: &Request<B>, classes: &Classes) -> Class {
        let value = match self {
            Self::Header(name) => {
                let header = name.as_ref().and_then(|name| request.headers().get(name));
                header.map(HeaderValue::as_bytes)
            }
            Self::Extension(value) => value(request.extensions()).map(str::as_bytes),
        };
        value.map_or(Class::UNKNOWN, |value| classes.of(value))
    }
}

impl RequestLabel {
    pub(super) fn source_is_valid(&self) -> bool {
        !matches!(self.source, Source::Header(None))
    }

    pub(super) fn classes(&self) -> Classes {
        Classes { label: Some(self.name.as_str().into()), values: self.values.clone().into() }
    }
}
