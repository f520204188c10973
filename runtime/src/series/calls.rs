//! The series of model calls of one endpoint, provider and model.

use std::sync::OnceLock;
use std::time::Duration;

use super::cost::CostSeries;
use crate::family::{
    AppendList, Counter, Families, Family, Histogram, Level, MoneyCounter, RequestLabelValues,
    SeriesHandle,
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

/// What is recorded when a call has ended.
pub(crate) struct CallRecord<'a> {
    pub(crate) end: CallEnd,
    pub(crate) usage: Option<&'a Usage>,
    /// The part of the usage that belongs to other models, if there is one.
    pub(crate) by_other_models: Option<Usage>,
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
            by_other_models: None,
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
        self.calls(CallKey { operation: call.operation, finish, error }).add(1);
        self.duration(outcome).observe_duration(call.duration);
        if let Some(usage) = call.usage.map(Usage::clamped) {
            self.record_totals(&usage);
            match call.by_other_models {
                None => self.record_classes(&usage, call.service_tier),
                Some(others) => self.record_classes(&usage.minus(others), call.service_tier),
            }
        }
        if let Some(missing) = call.missing {
            self.missing(missing).add(1);
        }
        if let Some(dollars) = call.provider_cost {
            let families = self.families;
            self.provider_cost
                .get_or_init(|| {
                    families.provider_cost.series(self.request_values.with(self.labels()))
                })
                .add(dollars * 1e12);
        }
    }

    /// Records the input and the output of one call.
    fn record_totals(&self, usage: &Usage) {
        let totals =
            [(TokenType::Input, usage.input_tokens()), (TokenType::Output, usage.output_tokens())];
        for (token_type, tokens) in totals {
            if let Some(tokens) = tokens {
                self.total(token_type).observe(tokens);
            }
        }
    }

    /// Records the tokens of a call, or those of them that this model read and wrote, and their
    /// cost.
    pub(crate) fn record_part(&self, usage: &Usage, service_tier: Option<&str>) {
        self.record_classes(&usage.clamped(), service_tier);
    }

    /// Records tokens by class, and their cost. No count is larger than the largest one that is
    /// recorded.
    fn record_classes(&self, usage: &Usage, service_tier: Option<&str>) {
        usage.partition(|class, tokens| {
            self.usage[class.index()]
                .get_or_init(|| {
                    let [endpoint, provider, model] = self.labels();
                    let (token_type, detail) = (class.token_type().as_str(), class.as_str());
                    let labels = [endpoint, provider, model, token_type, detail];
                    self.families.token_usage.series(self.request_values.with(labels))
                })
                .add(tokens);
        });
        if self.cost.is_recorded() {
            let (families, labels) = (self.families, self.labels());
            self.cost.record(families, labels, self.request_values, usage, service_tier);
        }
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
