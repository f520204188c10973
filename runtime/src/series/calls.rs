//! The series of model calls of one endpoint, provider and model.

use std::borrow::Cow;
use std::cell::Cell;
use std::sync::OnceLock;
use std::time::Duration;

use super::cost::CostSeries;
use crate::family::{
    AppendList, Counter, Families, Family, Histogram, Level, MoneyCounter, RequestLabelValues,
    SeriesHandle, Writer, nanos, recording,
};
use crate::label::closed_set;
use crate::llm::Operation;
use crate::outcome::{CallEnd, CallErrorType, CallOutcome};
use crate::usage::{FinishReason, MissingReason, TokenClass, TokenType, Usage};

closed_set! { indexed
    /// The `resource` label of `llm_rate_limit_remaining`.
    pub(crate) Resource {
        Requests = "requests",
        Tokens = "tokens",
        InputTokens = "input_tokens",
        OutputTokens = "output_tokens",
    }
}

impl Resource {
    /// All resources, in the order of [`index`](Self::index).
    pub(crate) const ALL: [Self; Self::COUNT] =
        [Self::Requests, Self::Tokens, Self::InputTokens, Self::OutputTokens];
}

/// The series of the model calls of one endpoint, provider and model: calls, tokens, cost and
/// times.
pub(crate) struct CallSeries {
    families: &'static Families,
    endpoint: &'static str,
    provider: &'static str,
    model: Box<str>,
    request_values: RequestLabelValues,
    usage: [OnceLock<SeriesHandle<Counter>>; TokenClass::COUNT],
    /// The tokens of one call, by side.
    totals: [OnceLock<SeriesHandle<Histogram>>; TokenType::COUNT],
    calls: AppendList<CallKey, SeriesHandle<Counter>>,
    duration: [OnceLock<SeriesHandle<Histogram>>; CallOutcome::COUNT],
    missing: [OnceLock<SeriesHandle<Counter>>; MissingReason::COUNT],
    first_token: OnceLock<SeriesHandle<Histogram>>,
    request_first_token: OnceLock<SeriesHandle<Histogram>>,
    first_answer: OnceLock<SeriesHandle<Histogram>>,
    output_pace: OnceLock<SeriesHandle<Histogram>>,
    rate_limits: [OnceLock<SeriesHandle<Level>>; Resource::COUNT],
    cost: CostSeries,
    provider_cost: OnceLock<SeriesHandle<MoneyCounter>>,
}

/// The labels of `llm_calls_total` that differ between the calls of one provider and model.
#[derive(Clone, Copy, PartialEq, Eq)]
struct CallKey {
    operation: Operation,
    finish: FinishReason,
    error: Option<CallErrorType>,
}

/// A set of classes of tokens.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Classes(u16);

impl Classes {
    fn add(&mut self, class: TokenClass) {
        self.0 |= 1 << class.index();
    }

    fn contains(self, class: TokenClass) -> bool {
        self.0 & 1 << class.index() != 0
    }
}

/// What is recorded when a call has ended.
pub(crate) struct CallRecord<'a> {
    pub(crate) end: CallEnd,
    pub(crate) usage: Option<&'a Usage>,
    /// The parts of the usage that belong to other models.
    pub(crate) by_other_models: &'a [(Cow<'a, str>, Usage)],
    /// Why usage, or a part of it, is missing.
    pub(crate) missing: Option<MissingReason>,
    pub(crate) operation: Operation,
    pub(crate) duration: Duration,
    /// The service tier that the reply names, which may change the price.
    pub(crate) service_tier: Option<&'a str>,
    /// The cost that the reply states, in US dollars.
    pub(crate) provider_cost: Option<f64>,
}

impl<'a> CallRecord<'a> {
    /// A call of which only the usage is known.
    pub(crate) fn of_usage(usage: &'a Usage) -> Self {
        let outcome = CallOutcome::Success;
        Self {
            end: CallEnd { outcome, finish: FinishReason::Unknown, error: None },
            usage: Some(usage),
            by_other_models: &[],
            missing: None,
            operation: Operation::Unknown,
            duration: Duration::ZERO,
            service_tier: None,
            provider_cost: None,
        }
    }
}

impl CallSeries {
    pub(super) fn new(
        families: &'static Families,
        endpoint: &'static str,
        (provider, model): (&'static str, &str),
        request_values: RequestLabelValues,
        cost: CostSeries,
    ) -> Self {
        Self {
            families,
            endpoint,
            provider,
            model: model.into(),
            request_values,
            usage: [const { OnceLock::new() }; TokenClass::COUNT],
            totals: [const { OnceLock::new() }; TokenType::COUNT],
            calls: AppendList::new(),
            duration: [const { OnceLock::new() }; CallOutcome::COUNT],
            missing: [const { OnceLock::new() }; MissingReason::COUNT],
            first_token: OnceLock::new(),
            request_first_token: OnceLock::new(),
            first_answer: OnceLock::new(),
            output_pace: OnceLock::new(),
            rate_limits: [const { OnceLock::new() }; Resource::COUNT],
            cost,
            provider_cost: OnceLock::new(),
        }
    }

    /// Records a call that has ended.
    pub(crate) fn record(&self, call: &CallRecord<'_>) {
        let CallEnd { outcome, finish, error } = call.end;
        // The series are created before the numbers are written, which must not take long.
        let calls = self.calls(CallKey { operation: call.operation, finish, error });
        let duration = (self.duration(outcome), nanos(call.duration));
        let missing = call.missing.map(|reason| self.missing(reason));
        let usage = call.usage.map(Usage::clamped);
        let total =
            |token_type, tokens: Option<u64>| tokens.map(|tokens| (self.total(token_type), tokens));
        let [input, output] = usage.map_or([None, None], |usage| {
            [
                total(TokenType::Input, usage.input_tokens()),
                total(TokenType::Output, usage.output_tokens()),
            ]
        });
        let others = call.by_other_models.iter().map(|(_, usage)| *usage).reduce(Usage::plus);
        let of_model = match others {
            Some(others) => usage.map(|usage| usage.minus(others)),
            None => usage,
        };
        let new_classes = Cell::new(Classes::default());
        recording(|writer| {
            calls.add_with(writer, 1);
            let (series, time) = duration;
            series.observe_with(writer, time);
            if let Some(missing) = missing {
                missing.add_with(writer, 1);
            }
            if let Some((series, tokens)) = input {
                series.observe_with(writer, tokens);
            }
            if let Some((series, tokens)) = output {
                series.observe_with(writer, tokens);
            }
            if let Some(usage) = &of_model {
                new_classes.set(self.add_classes(writer, usage));
            }
        });
        #[cfg(feature = "exemplars")]
        for (series, amount) in [Some(duration), input, output].into_iter().flatten() {
            series.record_exemplar(amount);
        }
        if let Some(usage) = &of_model {
            self.finish_classes(usage, new_classes.get(), call.service_tier);
        }
        if let Some(dollars) = call.provider_cost {
            let new =
                || self.families.provider_cost.series(self.request_values.with(self.labels()));
            self.provider_cost.get_or_init(new).add(dollars * 1e12);
        }
    }

    /// Records the tokens of a call that this model read and wrote, and their cost.
    pub(crate) fn record_part(&self, usage: &Usage, service_tier: Option<&str>) {
        let usage = usage.clamped();
        let new_classes = Cell::new(Classes::default());
        recording(|writer| new_classes.set(self.add_classes(writer, &usage)));
        self.finish_classes(&usage, new_classes.get(), service_tier);
    }

    /// Records tokens by class. Leaves out the classes that have no series yet, and returns them:
    /// no series can be created while numbers are written.
    #[inline]
    fn add_classes(&self, writer: &Writer<'_>, usage: &Usage) -> Classes {
        let mut new = Classes::default();
        usage.partition(|class, tokens| match self.usage[class.index()].get() {
            Some(series) => series.add_with(writer, tokens),
            None => new.add(class),
        });
        new
    }

    /// Records the tokens of the classes that had no series yet, and the cost of all.
    #[inline]
    fn finish_classes(&self, usage: &Usage, new: Classes, service_tier: Option<&str>) {
        if new != Classes::default() {
            self.record_new_classes(usage, new);
        }
        if self.cost.is_recorded() {
            let (families, labels) = (self.families, self.labels());
            self.cost.record(families, labels, self.request_values, usage, service_tier);
        }
    }

    #[cold]
    fn record_new_classes(&self, usage: &Usage, new: Classes) {
        usage.partition(|class, tokens| {
            if !new.contains(class) {
                return;
            }
            let series = self.usage[class.index()].get_or_init(|| {
                let [endpoint, provider, model] = self.labels();
                let (token_type, detail) = (class.token_type().as_str(), class.as_str());
                let labels = [endpoint, provider, model, token_type, detail];
                self.families.token_usage.series(self.request_values.with(labels))
            });
            series.add(tokens);
        });
    }

    /// Returns whether the labels have these values. They do not if the series are those of all
    /// models or providers that are not allowed, or beyond the limit.
    pub(super) fn has_labels(&self, provider: &str, model: &str) -> bool {
        self.provider == provider && *self.model == *model
    }

    /// Returns the `provider` label.
    pub(crate) fn provider(&self) -> &'static str {
        self.provider
    }

    /// Records the time from the start of a call to its first token.
    pub(crate) fn record_first_token(&self, time: Duration) {
        let family = &self.families.llm_call_time_to_first_token;
        self.time(&self.first_token, family).observe_duration(time);
    }

    /// Records the time from the arrival of a request to the first token of any of its calls.
    pub(crate) fn record_request_first_token(&self, time: Duration) {
        let family = &self.families.time_to_first_token;
        self.time(&self.request_first_token, family).observe_duration(time);
    }

    /// Records the time from the arrival of a request to the first token that is not reasoning.
    pub(crate) fn record_first_answer(&self, time: Duration) {
        let family = &self.families.time_to_first_answer;
        self.time(&self.first_answer, family).observe_duration(time);
    }

    /// Records the mean time between output tokens: `time` from the first to the last one, with
    /// this number of gaps.
    pub(crate) fn record_output_pace(&self, time: Duration, gaps: u64) {
        let mean = time / u32::try_from(gaps).unwrap_or(u32::MAX);
        let family = &self.families.time_per_output_token;
        self.time(&self.output_pace, family).observe_duration(mean);
    }

    /// Records what is left of a provider's limit.
    pub(crate) fn rate_limit(&self, resource: Resource, left: u64) {
        let series = &self.rate_limits[resource.index()];
        let labels = [self.provider, &*self.model, resource.as_str()];
        series.get_or_init(|| self.families.llm_rate_limit_remaining.series(labels)).set(left);
    }

    fn time<'a>(
        &self,
        series: &'a OnceLock<SeriesHandle<Histogram>>,
        family: &Family<Histogram, 3>,
    ) -> &'a SeriesHandle<Histogram> {
        series.get_or_init(|| family.series(self.labels()))
    }

    fn labels(&self) -> [&str; 3] {
        [self.endpoint, self.provider, &self.model]
    }

    /// Returns the series of the total input or the total output of a call.
    fn total(&self, token_type: TokenType) -> &SeriesHandle<Histogram> {
        self.totals[token_type.index()].get_or_init(|| {
            let labels = [self.endpoint, &*self.model, token_type.as_str()];
            self.families.request_tokens.series(labels)
        })
    }

    fn calls(&self, key: CallKey) -> &SeriesHandle<Counter> {
        self.calls.find_or_append(
            |known| *known == key,
            || {
                let [endpoint, provider, model] = self.labels();
                let error_type = key.error.map_or("", CallErrorType::as_str);
                let [operation, finish] = [key.operation.as_str(), key.finish.as_str()];
                let labels = [endpoint, provider, model, operation, finish, error_type];
                (key, self.families.llm_calls.series(self.request_values.with(labels)))
            },
        )
    }

    fn duration(&self, outcome: CallOutcome) -> &SeriesHandle<Histogram> {
        self.duration[outcome.index()].get_or_init(|| {
            let [endpoint, provider, model] = self.labels();
            let labels = [endpoint, provider, model, outcome.as_str()];
            self.families.llm_call_duration.series(self.request_values.with(labels))
        })
    }

    /// Returns the series of calls whose usage is missing for this reason.
    fn missing(&self, reason: MissingReason) -> &SeriesHandle<Counter> {
        self.missing[reason.index()].get_or_init(|| {
            let labels = [self.endpoint, &*self.model, reason.as_str()];
            self.families.usage_missing.series(labels)
        })
    }
}
