//! The resolved token families of one endpoint, provider and model.

use std::sync::{Arc, OnceLock};

use crate::family::{Counter, Families, Histogram, MoneyCounter, SeriesHandle};
use crate::price::{Price, Prices};
use crate::usage::Usage;
use crate::usage::{FinishReason, MissingReason, TokenClass, TokenType};

pub(crate) struct TokenSeries {
    families: Arc<Families>,
    endpoint: Arc<str>,
    provider: Box<str>,
    model: Box<str>,
    usage: [OnceLock<SeriesHandle<Counter>>; TokenClass::COUNT],
    totals: [OnceLock<SeriesHandle<Histogram>>; TokenType::COUNT],
    calls: [OnceLock<SeriesHandle<Counter>>; FinishReason::COUNT],
    missing: [OnceLock<SeriesHandle<Counter>>; MissingReason::COUNT],
    cost: Cost,
}

/// What the tokens of a model cost.
pub(super) enum Cost {
    /// Nobody has asked for that.
    Uncounted,
    Priced(Price, Box<[OnceLock<SeriesHandle<MoneyCounter>>; TokenClass::COUNT]>),
    /// Others have a price, and this model has none: its calls are counted.
    Unpriced(OnceLock<SeriesHandle<Counter>>),
}

impl Cost {
    pub(super) fn of(model: &str, prices: &Prices) -> Self {
        match prices.of(model) {
            Some(price) => Self::Priced(price, Box::default()),
            None if prices.is_empty() => Self::Uncounted,
            None => Self::Unpriced(OnceLock::new()),
        }
    }
}

impl TokenSeries {
    pub(super) fn new(
        families: &Arc<Families>,
        endpoint: &Arc<str>,
        [provider, model]: [&str; 2],
        cost: Cost,
    ) -> Self {
        Self {
            families: Arc::clone(families),
            endpoint: Arc::clone(endpoint),
            provider: provider.into(),
            model: model.into(),
            usage: [const { OnceLock::new() }; TokenClass::COUNT],
            totals: [const { OnceLock::new() }; TokenType::COUNT],
            calls: [const { OnceLock::new() }; FinishReason::COUNT],
            missing: [const { OnceLock::new() }; MissingReason::COUNT],
            cost,
        }
    }

    /// Records the usage of one call, which ended for the reason `finish`.
    pub(crate) fn record(&self, usage: &Usage, finish: FinishReason) {
        let usage = usage.plausible();
        for (class, tokens) in usage.partition() {
            self.count(class, tokens);
        }
        let totals =
            [(TokenType::Input, usage.input_tokens()), (TokenType::Output, usage.output_tokens())];
        for (token_type, tokens) in totals {
            if let Some(tokens) = tokens {
                self.total(token_type).observe(tokens);
            }
        }
        self.calls(finish).add(1);
        self.count_unpriced();
    }

    /// Counts tokens of one class of the partition, and what they cost where they have a price.
    fn count(&self, class: TokenClass, tokens: u64) {
        let families = &*self.families;
        self.usage[class.index()]
            .get_or_init(|| families.token_usage.series(families, self.labels(class)))
            .add(tokens);
        if let Cost::Priced(price, series) = &self.cost {
            series[class.index()]
                .get_or_init(|| families.cost.series(families, self.labels(class)))
                .add(price.cost(class, tokens));
        }
    }

    /// Takes note of a call that had usage: its cost may not be known.
    fn count_unpriced(&self) {
        if let Cost::Unpriced(series) = &self.cost {
            let labels = [&*self.endpoint, &*self.model];
            let family = &self.families.unpriced_calls;
            series.get_or_init(|| family.series(&self.families, labels)).add(1);
        }
    }

    fn labels(&self, class: TokenClass) -> [&str; 5] {
        let (token_type, detail) = (class.token_type().as_str(), class.as_str());
        [&*self.endpoint, &*self.provider, &*self.model, token_type, detail]
    }

    /// One side's total of one call.
    fn total(&self, token_type: TokenType) -> &SeriesHandle<Histogram> {
        self.totals[token_type.index()].get_or_init(|| {
            let labels = [&*self.endpoint, &*self.model, token_type.as_str()];
            self.families.request_tokens.series(&self.families, labels)
        })
    }

    pub(crate) fn calls(&self, reason: FinishReason) -> &SeriesHandle<Counter> {
        self.calls[reason.index()].get_or_init(|| {
            let labels = [&*self.endpoint, &*self.provider, &*self.model, reason.as_str()];
            self.families.llm_calls.series(&self.families, labels)
        })
    }

    pub(crate) fn missing(&self, reason: MissingReason) -> &SeriesHandle<Counter> {
        self.missing[reason.index()].get_or_init(|| {
            let labels = [&*self.endpoint, &*self.model, reason.as_str()];
            self.families.usage_missing.series(&self.families, labels)
        })
    }
}
