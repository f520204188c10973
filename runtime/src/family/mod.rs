//! The table of families, and the storage of their series.
//!
//! [`Families`] is written once, below: a family's name, kind, labels and meaning stand here and
//! nowhere else. What records into a family has its handle from [`Family::series`].

mod bounded_map;
mod collector;
#[cfg(feature = "exemplars")]
mod exemplar;
mod histogram;
mod interner;
mod primitives;
mod shard;
mod snapshot;
mod store;
mod type_name;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use prometheus::core::Desc;

pub(crate) use self::bounded_map::{AppendList, BoundedMap};
pub(crate) use self::collector::{FamilyCollector, elsewhere, is_gathered};
#[cfg(feature = "exemplars")]
pub(crate) use self::exemplar::{Exemplar, Trace};
use self::histogram::Buckets;
pub(crate) use self::histogram::{Batch, Histogram, Unit};
use self::interner::Interner;
pub(crate) use self::primitives::{Counter, Gauge, MoneyCounter};
pub(crate) use self::snapshot::{
    Constant, HistogramSnapshot, Labels, SeriesKey, SeriesSink, SeriesValue, canonical,
    push_escaped, push_label,
};
pub(crate) use self::store::{AnyFamily, Family, OVERFLOW, SeriesHandle};
pub(crate) use self::type_name::short_name;

/// Upper bounds of request durations, in seconds.
const REQUEST: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0,
    600.0,
];
/// Upper bounds of stream lifetimes, in seconds.
const STREAM: &[f64] =
    &[0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0, 1280.0, 3600.0];
/// Upper bounds of the time to a first chunk or token, in seconds.
const FIRST: &[f64] = &[
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
    20.0, 40.0, 80.0, 160.0,
];
/// Upper bounds of the time between chunks or tokens, in seconds.
const GAP: &[f64] = &[
    0.002, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0,
    10.0,
];
/// Upper bounds of message sizes, in bytes: 256 times the powers of four.
const SIZE: &[f64] = &[
    256.0,
    1024.0,
    4096.0,
    16384.0,
    65536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];
/// Upper bounds of token counts: the powers of four.
const TOKENS: &[f64] =
    &[1.0, 4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 16384.0, 65536.0, 262_144.0, 1_048_576.0];

/// The histograms whose values are shown with their traces.
const TRACED: &[&str] = &[
    "http_request_duration_seconds",
    "time_to_first_chunk_seconds",
    "time_to_first_token_seconds",
    "request_tokens",
];

/// Turns the table into the struct that holds it, its construction and its iteration.
macro_rules! families {
    ($(
        $field:ident: $cell:ident $(($unit:ident, $bounds:ident))? $name:literal
        [$($label:literal),*] $help:literal $((if $condition:ident))?
    )*) => {
        /// All families of one instance.
        pub(crate) struct Families {
            $(pub(crate) $field: Family<$cell, { [$($label),*].len() }>,)*
            texts: Interner,
            group_status: bool,
            classes: Classes,
            allowed: Allowed,
            /// Whether prices are given.
            priced: bool,
        }

        /// The histograms by name, with the buckets they have unless told otherwise.
        const HISTOGRAMS: &[(&str, &[f64])] = &[$($(($name, $bounds),)?)*];

        /// The names of all labels, some more than once.
        const LABELS: &[&str] = &[$($($label,)*)*];

        impl Families {
            /// Lays out every family; fails where the registry's rules for names are broken.
            pub(crate) fn new(layout: &Layout) -> prometheus::Result<Self> {
                // Asks the system now, and not while something is recorded.
                shard::shards();
                Ok(Self {
                    $($field: Family::new(
                        $name,
                        layout.desc($name, $help, &[$($label),*])?,
                        layout.constant.clone(),
                        [$($label),*],
                        layout.class_label(&[$($label),*]),
                        families!(@shape layout $name $(($unit, $bounds))?),
                        &layout.limits,
                    ),)*
                    texts: Interner::default(),
                    group_status: layout.group_status,
                    classes: layout.classes.clone(),
                    allowed: layout.limits.allowed.clone(),
                    priced: layout.priced,
                })
            }

            /// The families that there are.
            pub(crate) fn each(&self) -> impl Iterator<Item = &dyn AnyFamily> {
                [$((true $(&& self.$condition)?, &self.$field as &dyn AnyFamily)),*]
                    .into_iter()
                    .filter_map(|(exists, family)| exists.then_some(family))
            }
        }
    };
    (@shape $layout:ident $name:literal ($unit:ident, $bounds:ident)) => {
        Arc::new(Buckets::new(
            Unit::$unit,
            $layout.buckets.get($name).map_or($bounds, Vec::as_slice),
            TRACED.contains(&$name),
        ))
    };
    (@shape $layout:ident $name:literal) => { () };
}

families! {
    http_requests: Counter "http_requests_total"
        ["method", "endpoint", "status", "outcome"]
        "Requests by result, counted once each when the response has ended, failed or been left."
    http_request_duration: Histogram(Seconds, REQUEST) "http_request_duration_seconds"
        ["method", "endpoint", "outcome"]
        "Seconds from a request's entry to the end of its response; for a stream, to its head."
    active_requests: Gauge "active_requests"
        ["method", "endpoint"]
        "Requests that have entered and whose response has not ended."
    request_size: Histogram(Whole, SIZE) "request_size_bytes"
        ["method", "endpoint"]
        "Size of request bodies in bytes."
    response_size: Histogram(Whole, SIZE) "response_size_bytes"
        ["method", "endpoint"]
        "Response body bytes handed to the transport."
    errors: Counter "errors_total"
        ["method", "endpoint", "status", "error_type"]
        "Requests that ended as a client's error, a server's error, a failed stream or a panic."
    exceptions: Counter "exceptions_total"
        ["endpoint", "exception_type", "status"]
        "Errors that annotated handlers returned or reported, by type."
    global_exceptions: Counter "global_exceptions_total"
        ["exception_type"]
        "ProtocolErrors that no annotated handler owned: panics, errors of services and bodies."
    active_streams: Gauge "active_streams"
        ["endpoint"]
        "Streams that have been created and have not ended."
    stream_chunks: Counter "stream_chunks_total"
        ["endpoint"]
        "Items that streams have sent."
    stream_bytes: Counter "stream_bytes_total"
        ["endpoint"]
        "Payload bytes that streams have sent."
    stream_duration: Histogram(Seconds, STREAM) "stream_duration_seconds"
        ["endpoint", "outcome"]
        "Lifetime of streams in seconds, by how they ended."
    stream_errors: Counter "stream_errors_total"
        ["endpoint", "error_type"]
        "Errors within streams; a client that leaves is none."
    time_to_first_chunk: Histogram(Seconds, FIRST) "time_to_first_chunk_seconds"
        ["endpoint", "model"]
        "Seconds from a request's entry to the first item of its stream."
    inter_chunk: Histogram(Seconds, GAP) "inter_chunk_seconds"
        ["endpoint", "model"]
        "Seconds between one item of a stream and the next."
    token_usage: Counter "token_usage_total"
        ["endpoint", "provider", "model", "token_type", "detail"]
        "Tokens of model calls, in classes that do not overlap: their sum is the total."
    request_tokens: Histogram(Whole, TOKENS) "request_tokens"
        ["endpoint", "model", "token_type"]
        "Tokens of one model call."
    llm_calls: Counter "llm_calls_total"
        ["endpoint", "provider", "model", "finish_reason"]
        "Model calls by the reason they ended."
    usage_missing: Counter "usage_missing_total"
        ["endpoint", "model", "reason"]
        "Tracked model calls that ended without token usage."
    time_to_first_token: Histogram(Seconds, FIRST) "time_to_first_token_seconds"
        ["endpoint", "model"]
        "Seconds from a request's entry to the first item with generated content."
    time_per_output_token: Histogram(Seconds, GAP) "time_per_output_token_seconds"
        ["endpoint", "model"]
        "Mean seconds between output tokens of a complete stream."
    cost: MoneyCounter "cost_usd_total"
        ["endpoint", "provider", "model", "token_type", "detail"]
        "US dollars that the tokens of model calls cost, by the prices given." (if priced)
    unpriced_calls: Counter "unpriced_calls_total"
        ["endpoint", "model"]
        "Model calls with token usage whose model has no price." (if priced)
    metrics_overflow: Counter "metrics_overflow_total"
        ["family", "label"]
        "Observations whose label value was past its limit and became 'other'."
}

impl Families {
    /// The `status` label: three digits, or the first of them where statuses are grouped.
    pub(crate) fn status(&self, status: u16) -> String {
        if self.group_status { format!("{}xx", status / 100) } else { status.to_string() }
    }

    /// Whether a value may stand in a label, as far as there is a list of those that may.
    pub(crate) fn allows(&self, label: &str, value: &str) -> bool {
        self.allowed.of(label).is_none_or(|listed| value.is_empty() || listed.contains(value))
    }

    /// How many classes of requests there are: one, where no label tells them apart.
    pub(crate) fn classes(&self) -> usize {
        if self.classes.label.is_some() { self.classes.values.len() + 2 } else { 1 }
    }

    /// The value of the label that tells requests apart.
    pub(crate) fn class(&self, class: Class) -> &str {
        match class.0.checked_sub(1) {
            None => "",
            Some(listed) => self.classes.values.get(listed).map_or(OVERFLOW, |value| value),
        }
    }
}

/// The label that a user has chosen to tell requests apart, and the values it may take.
#[derive(Clone, Debug, Default)]
pub(crate) struct Classes {
    pub(crate) label: Option<Box<str>>,
    pub(crate) values: Arc<[Box<str>]>,
}

/// A place among the [`Classes`]: none known, one of the values, or behind them what is not listed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Class(usize);

impl Class {
    pub(crate) const UNKNOWN: Self = Self(0);

    pub(crate) fn index(self) -> usize {
        self.0
    }
}

impl Classes {
    /// The class that a request with this value belongs to.
    pub(crate) fn of(&self, value: &[u8]) -> Class {
        if value.is_empty() {
            return Class::UNKNOWN;
        }
        let listed = self.values.iter().position(|listed| listed.as_bytes() == value);
        Class(listed.unwrap_or(self.values.len()) + 1)
    }
}

/// What values of a label are kept; the rest becomes `other`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    /// How many distinct ones.
    pub(crate) values: usize,
    /// How long each may be.
    pub(crate) bytes: usize,
}

/// The values that labels may take, where that is listed: then the list is their limit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Allowed {
    pub(crate) models: Option<Values>,
    pub(crate) providers: Option<Values>,
}

/// Values of a label.
pub(crate) type Values = Arc<BTreeSet<Box<str>>>;

impl Allowed {
    fn of(&self, label: &str) -> Option<&Values> {
        match label {
            "model" => self.models.as_ref(),
            "provider" => self.providers.as_ref(),
            _ => None,
        }
    }
}

/// The limits of the labels that have one.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Labels whose values come from outside the program's text.
    pub(crate) values: Limit,
    /// Route templates and names in attributes: as many as a program has, so this only stops a
    /// program that makes them up as it goes.
    pub(crate) endpoints: Limit,
    /// How many series a family may have before all its limited labels become `other`.
    pub(crate) series: usize,
    pub(crate) allowed: Allowed,
}

impl Limits {
    fn of(&self, family: &str, label: &str) -> Option<Limit> {
        match (family, label) {
            // A closed set: `ErrorType`.
            ("errors_total", "error_type") => None,
            (_, "endpoint") => Some(self.endpoints),
            (_, "provider" | "model" | "error_type" | "exception_type") => Some(self.values),
            _ => None,
        }
    }
}

/// What an instance chooses about its families.
pub(crate) struct Layout {
    pub(crate) prefix: String,
    pub(crate) constant: Constant,
    pub(crate) buckets: HashMap<&'static str, Vec<f64>>,
    pub(crate) limits: Limits,
    pub(crate) group_status: bool,
    pub(crate) classes: Classes,
    /// Whether prices are given.
    pub(crate) priced: bool,
}

impl Layout {
    /// The families of requests are those that know a method: they have the label that tells requests
    /// apart.
    fn class_label(&self, labels: &[&str]) -> Option<Box<str>> {
        self.classes.label.clone().filter(|_| labels.contains(&"method"))
    }

    fn desc(&self, name: &str, help: &str, labels: &[&str]) -> prometheus::Result<Desc> {
        let separator = if self.prefix.is_empty() { "" } else { "_" };
        Desc::new(
            format!("{}{separator}{name}", self.prefix),
            help.to_owned(),
            labels.iter().map(|&label| label.to_owned()).collect(),
            self.constant.pairs.iter().cloned().collect(),
        )
    }
}

/// The name in the table of the histogram that a user names, without prefix.
pub(crate) fn histogram_name(name: &str) -> Option<&'static str> {
    HISTOGRAMS.iter().map(|(known, _)| *known).find(|known| *known == name)
}

/// The names of all histograms, without prefix.
pub(crate) fn histogram_names() -> impl Iterator<Item = &'static str> {
    HISTOGRAMS.iter().map(|(name, _)| *name)
}

/// Whether one of the families has this label.
pub(crate) fn is_family_label(name: &str) -> bool {
    LABELS.contains(&name)
}
