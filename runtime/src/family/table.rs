//! The table of all families.

use std::sync::Arc;
use std::sync::atomic::{
    AtomicBool,
    Ordering::{Acquire, Release},
};

#[cfg(feature = "monitoring")]
use super::description::Described;
use super::histogram::{Buckets, Histogram, Unit};
use super::options::{AllowedValues, FamilyOptions};
use super::primitives::{Counter, Gauge, Level, MoneyCounter};
use super::request_labels::RequestLabels;
use super::store::{AnyFamily, Family, SharedStorage};

/// Upper bounds of request durations, in seconds.
const REQUEST_BUCKETS: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    60.0, 300.0,
];
/// Upper bounds of stream lifetimes, in seconds.
const STREAM_BUCKETS: &[f64] =
    &[0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0, 1280.0, 3600.0];
/// Upper bounds of the time to a first chunk or token, in seconds.
const FIRST_BUCKETS: &[f64] = &[
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
    20.0, 40.0, 80.0, 160.0,
];
/// Upper bounds of the time between two chunks or tokens, in seconds.
const GAP_BUCKETS: &[f64] = &[
    0.002, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0,
    10.0,
];
/// Upper bounds of the durations of model calls, in seconds, which OpenTelemetry recommends.
const CALL_BUCKETS: &[f64] =
    &[0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
/// Upper bounds of the time that a request spends outside of its model calls, in seconds.
const OVERHEAD_BUCKETS: &[f64] =
    &[0.000_05, 0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0];
/// Upper bounds of the number of model calls of a request.
const CALLS_BUCKETS: &[f64] = &[1.0, 2.0, 3.0, 4.0, 5.0, 8.0, 13.0, 21.0];
/// Upper bounds of body sizes, in bytes: 256 times the powers of four.
const SIZE_BUCKETS: &[f64] = &[
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
const TOKEN_BUCKETS: &[f64] =
    &[1.0, 4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 16384.0, 65536.0, 262_144.0, 1_048_576.0];

/// The histograms that keep exemplars.
const WITH_EXEMPLARS: &[&str] = &[
    "http_request_duration_seconds",
    "time_to_first_chunk_seconds",
    "time_to_first_token_seconds",
    "request_tokens",
];

/// When an instance shows a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FamilyGroup {
    Always,
    /// From the first price on.
    Cost,
}

/// Expands the table into the struct of all families, its constructor and its iterator.
///
/// The overflow family comes first, apart from the others, because each of the others counts its
/// overflow there. An `L` after the labels marks a family that also has the request labels.
macro_rules! families {
    (
        $overflow:ident: Counter $overflow_name:literal
            [$($overflow_label:literal),*] $overflow_help:literal;
        $(
            $field:ident: $primitive:ident $(($unit:ident, $bounds:ident))? $name:literal
            [$($label:literal),*] $($carries:ident)? $help:literal $((in $group:ident))?
        )*
    ) => {
        /// All families of one instance.
        pub(crate) struct Families {
            $(pub(crate) $field: Family<$primitive, { [$($label),*].len() }>,)*
            pub(crate) $overflow: Arc<Family<Counter, { [$($overflow_label),*].len() }>>,
            group_status: bool,
            request_labels: Arc<RequestLabels>,
            allowed: AllowedValues,
            shows_cost: AtomicBool,
        }

        /// The histograms by name, with their default buckets.
        const HISTOGRAMS: &[(&str, &[f64])] = &[$($(($name, $bounds),)?)*];

        /// The families that also have the request labels.
        #[cfg(test)]
        const WITH_REQUEST_LABELS: &[&str] = &[$($(families!(@name $carries $name),)?)*];

        /// The names of all labels, with repetitions.
        const LABELS: &[&str] = &[$($($label,)*)* $($overflow_label),*];

        /// The families, under the names of the fields of [`Families`].
        #[cfg(feature = "monitoring")]
        #[expect(non_upper_case_globals, reason = "the names are those of fields")]
        #[expect(dead_code, reason = "some families are in no query")]
        pub(crate) mod described {
            use super::{Counter, Described, Gauge, Histogram, Level, MoneyCounter};

            $(pub(crate) const $field: Described<$primitive> =
                Described::new(
                    $name,
                    &[$($label),*],
                    families!(@has_request_labels $($carries)?),
                );)*
            pub(crate) const $overflow: Described<Counter> =
                Described::new($overflow_name, &[$($overflow_label),*], false);
        }

        impl Families {
            /// Creates all families.
            ///
            /// # Errors
            ///
            /// A family or label name that Prometheus does not accept.
            pub(crate) fn new(options: &FamilyOptions) -> prometheus::Result<Self> {
                let mut shared = SharedStorage::default();
                let $overflow = Arc::new(Family::new(
                    $overflow_name,
                    $overflow_help,
                    ([$($overflow_label),*], families!(@request_labels options)),
                    (),
                    options,
                    &shared,
                )?);
                shared.set_overflow(&$overflow);
                Ok(Self {
                    $($field: Family::new(
                        $name,
                        $help,
                        ([$($label),*], families!(@request_labels options $($carries)?)),
                        families!(@settings options $name $(($unit, $bounds))?),
                        options,
                        &shared,
                    )?,)*
                    $overflow,
                    group_status: options.group_status,
                    request_labels: Arc::clone(&options.request_labels),
                    allowed: options.limits.allowed.clone(),
                    shows_cost: AtomicBool::new(false),
                })
            }

            /// Iterates over all families, with their groups.
            fn iter(&self) -> impl Iterator<Item = (FamilyGroup, &dyn AnyFamily)> {
                [
                    $((families!(@group $($group)?), &self.$field as &dyn AnyFamily),)*
                    (FamilyGroup::Always, &*self.$overflow),
                ]
                .into_iter()
            }
        }
    };
    (@settings $options:ident $name:literal ($unit:ident, $bounds:ident)) => {
        // Histograms refer to their buckets until the process ends.
        &*Box::leak(Box::new(Buckets::new(
            Unit::$unit,
            $options.buckets.get($name).map_or($bounds, Vec::as_slice),
            WITH_EXEMPLARS.contains(&$name),
        )))
    };
    (@settings $options:ident $name:literal) => { () };
    (@name L $name:literal) => { $name };
    (@request_labels $options:ident L) => { Arc::clone(&$options.request_labels) };
    (@request_labels $options:ident) => { Arc::default() };
    (@has_request_labels L) => { true };
    (@has_request_labels) => { false };
    (@group $group:ident) => { FamilyGroup::$group };
    (@group) => { FamilyGroup::Always };
}

families! {
    metrics_overflow: Counter "metrics_overflow_total"
        ["family", "label"]
        "Observations with a label value that became 'other', because the value is not in the \
         list, or because the label or the family has reached its limit.";

    http_requests: Counter "http_requests_total"
        ["method", "endpoint", "status", "outcome"] L
        "HTTP requests by outcome, recorded when the response has ended."
    http_request_duration: Histogram(Seconds, REQUEST_BUCKETS) "http_request_duration_seconds"
        ["method", "endpoint", "outcome"] L
        "Seconds from a request's arrival to the end of its response; for a stream, to its response head."
    active_requests: Gauge "active_requests"
        ["method", "endpoint"] L
        "HTTP requests that have arrived and have not ended."
    request_size: Histogram(Whole, SIZE_BUCKETS) "request_size_bytes"
        ["method", "endpoint"] L
        "Bytes of request bodies that were read, or the known length of bodies in memory."
    response_size: Histogram(Whole, SIZE_BUCKETS) "response_size_bytes"
        ["method", "endpoint"] L
        "Size of response bodies in bytes, as handed to the transport."
    errors: Counter "errors_total"
        ["method", "endpoint", "status", "error_type"] L
        "Requests that ended in an error, by 'error_type': 'client', 'server', 'stream' or 'panic'."
    exceptions: Counter "exceptions_total"
        ["endpoint", "exception_type", "status"] L
        "Errors that annotated handlers returned or that code reported, by type and status."
    global_exceptions: Counter "global_exceptions_total"
        ["exception_type"]
        "Panics, errors of services and response bodies, and errors reported with 'track_global_exception'."
    active_streams: Gauge "active_streams"
        ["endpoint"]
        "Streams that have been created and have not ended."
    stream_chunks: Counter "stream_chunks_total"
        ["endpoint"] L
        "Chunks that streams have sent, counted while they run. Comments of event streams do not \
         count."
    stream_bytes: Counter "stream_bytes_total"
        ["endpoint"] L
        "Payload bytes of the chunks that streams have sent, without comments of event streams."
    stream_duration: Histogram(Seconds, STREAM_BUCKETS) "stream_duration_seconds"
        ["endpoint", "outcome"] L
        "Lifetime of streams in seconds, by outcome."
    stream_errors: Counter "stream_errors_total"
        ["endpoint", "error_type"]
        "Errors within streams. A client disconnect is not an error."
    time_to_first_chunk: Histogram(Seconds, FIRST_BUCKETS) "time_to_first_chunk_seconds"
        ["endpoint", "model"]
        "Seconds from a request's arrival to the first chunk of its stream; outside a request, \
         from the creation of the stream."
    inter_chunk: Histogram(Seconds, GAP_BUCKETS) "inter_chunk_seconds"
        ["endpoint", "model"]
        "Seconds between consecutive chunks of a stream."
    token_usage: Counter "token_usage_total"
        ["endpoint", "provider", "model", "token_type", "detail"] L
        "Tokens of model calls. Details of 'input': 'uncached', 'cache_read', 'cache_write', \
         'cache_write_1h', 'audio', 'image', 'unspecified'; of 'output': 'response', 'reasoning', \
         'audio', 'image', 'unspecified'. They do not overlap, so their sum is the total."
    request_tokens: Histogram(Whole, TOKEN_BUCKETS) "request_tokens"
        ["endpoint", "model", "token_type"]
        "Input or output tokens of one model call."
    llm_calls: Counter "llm_calls_total"
        ["endpoint", "provider", "model", "operation", "finish_reason", "error_type"] L
        "Model calls that have ended, by finish reason and error type."
    llm_call_duration: Histogram(Seconds, CALL_BUCKETS) "llm_call_duration_seconds"
        ["endpoint", "provider", "model", "outcome"] L
        "Seconds from the start of a model call to the end of its reply, by outcome."
    llm_call_time_to_first_token: Histogram(Seconds, FIRST_BUCKETS)
        "llm_call_time_to_first_token_seconds"
        ["endpoint", "provider", "model"]
        "Seconds from the start of a model call to its first token, without failed calls before it. \
         Only for streamed replies that are read with a 'protocol'."
    time_to_first_token: Histogram(Seconds, FIRST_BUCKETS) "time_to_first_token_seconds"
        ["endpoint", "provider", "model"]
        "Seconds from a request's arrival to the first token of any kind. Only for streamed replies \
         that are read with a 'protocol'."
    time_to_first_answer: Histogram(Seconds, FIRST_BUCKETS) "time_to_first_answer_seconds"
        ["endpoint", "provider", "model"]
        "Seconds from a request's arrival to the first token that is not reasoning. Only for \
         streamed replies that are read with a 'protocol'."
    time_per_output_token: Histogram(Seconds, GAP_BUCKETS) "time_per_output_token_seconds"
        ["endpoint", "provider", "model"]
        "Mean seconds per output token after the first, once for each complete streamed reply that \
         is read with a 'protocol'."
    llm_calls_per_request: Histogram(Whole, CALLS_BUCKETS) "llm_calls_per_request"
        ["endpoint"]
        "Model calls of each request that made at least one, including retries, fallbacks and tool \
         loops."
    llm_overhead: Histogram(Seconds, OVERHEAD_BUCKETS) "llm_overhead_seconds"
        ["endpoint"]
        "Seconds of a request with model calls during which no call was in progress; for a stream, \
         until its response head."
    llm_rate_limit_remaining: Level "llm_rate_limit_remaining"
        ["provider", "model", "resource"]
        "Remaining 'requests', 'tokens', 'input_tokens' or 'output_tokens' of a provider's rate \
         limit, from the headers of the newest reply."
    usage_missing: Counter "usage_missing_total"
        ["endpoint", "model", "reason"]
        "Model calls that succeeded, were cancelled or were truncated, without known usage, by reason: \
         'not_sent', 'disconnected', 'unparsed', or 'partly' if only input or output is known."
    cost: MoneyCounter "cost_usd_total"
        ["endpoint", "provider", "model", "token_type", "detail"] L
        "Cost of model calls in US dollars, from the configured prices." (in Cost)
    provider_cost: MoneyCounter "provider_cost_usd_total"
        ["endpoint", "provider", "model"] L
        "Cost of model calls in US dollars, as stated in the providers' replies."
    unpriced_calls: Counter "unpriced_calls_total"
        ["endpoint", "model"]
        "Model calls with token usage whose model has no configured price." (in Cost)
    scrapes_refused: Counter "scrapes_refused_total"
        ["reason"]
        "Scrapes answered with 503 because too many pages were in progress ('too_many'), and pages \
         broken off because their client had stopped reading ('stalled')."
}

impl Families {
    /// Iterates over the families of a group.
    pub(super) fn in_group(&self, group: FamilyGroup) -> impl Iterator<Item = &dyn AnyFamily> {
        self.iter().filter(move |(of, _)| *of == group).map(|(_, family)| family)
    }

    /// Iterates over the families that this instance shows now, with the indices by which
    /// [`get`](Self::get) finds them.
    pub(crate) fn shown(&self) -> impl Iterator<Item = (usize, &dyn AnyFamily)> {
        let shows_cost = self.shows_cost.load(Acquire);
        let all = self.iter().enumerate();
        all.filter(move |(_, (group, _))| shows_cost || *group == FamilyGroup::Always)
            .map(|(index, (_, family))| (index, family))
    }

    /// Returns the family with this index.
    pub(crate) fn get(&self, index: usize) -> Option<&dyn AnyFamily> {
        self.iter().nth(index).map(|(_, family)| family)
    }

    /// Shows the families of cost from now on.
    pub(crate) fn show_cost(&self) {
        self.shows_cost.store(true, Release);
    }

    /// Returns the value of the `status` label: three digits, or the class of the status if
    /// statuses are grouped.
    pub(crate) fn status_label(&self, status: u16) -> String {
        if self.group_status { format!("{}xx", status / 100) } else { status.to_string() }
    }

    /// Returns whether the list of allowed values of a label contains this value, or `None` if the
    /// label has no list. Such a label may still have a limit.
    pub(crate) fn allows(&self, label: &str, value: &str) -> Option<bool> {
        let allowed = self.allowed.get(label)?;
        Some(value.is_empty() || allowed.contains(value))
    }

    /// Returns the request labels of the instance.
    pub(crate) fn request_labels(&self) -> &RequestLabels {
        &self.request_labels
    }
}

/// Returns the static name of the histogram `name`, or `None` if no histogram has that name.
/// Names are without prefix.
pub(crate) fn histogram_name(name: &str) -> Option<&'static str> {
    histogram_names().find(|known| *known == name)
}

/// Returns the names of all histograms, without prefix.
pub(crate) fn histogram_names() -> impl Iterator<Item = &'static str> {
    HISTOGRAMS.iter().map(|(name, _)| *name)
}

/// Returns the default bounds of a histogram. Names are without prefix.
#[cfg(feature = "monitoring")]
pub(crate) fn default_buckets(name: &str) -> &'static [f64] {
    HISTOGRAMS.iter().find(|(known, _)| *known == name).map_or(&[], |(_, bounds)| bounds)
}

/// Returns whether any family has a label with this name.
pub(crate) fn is_family_label(name: &str) -> bool {
    LABELS.contains(&name)
}

#[cfg(test)]
mod documentation;
