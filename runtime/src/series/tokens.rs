//! The series of model calls of one endpoint, provider and model.

use std::sync::{Arc, OnceLock};

use crate::family::{Counter, Families, Histogram, MoneyCounter, SeriesHandle};
use crate::price::{Price, Prices};
use crate::usage::{FinishReason, MissingReason, TokenClass, TokenType, Usage};

/// The series of the model calls of one endpoint, provider and model: calls, tokens and cost.
pub(crate) struct TokenSeries {
    families: Arc<Families>,
    endpoint: Arc<str>,
    provider: Box<str>,
    model: Box<str>,
    usage: [OnceLock<SeriesHandle<Counter>>; TokenClass::COUNT],
    /// The tokens of one call, by side.
    totals: [OnceLock<SeriesHandle<Histogram>>; TokenType::COUNT],
    calls: [OnceLock<SeriesHandle<Counter>>; FinishReason::COUNT],
    missing: [OnceLock<SeriesHandle<Counter>>; MissingReason::COUNT],
    cost: Cost,
}

/// The cost of a model's tokens.
pub(super) enum Cost {
    /// No model has a price: cost is not recorded.
    Disabled,
    Priced(Price, Box<[OnceLock<SeriesHandle<MoneyCounter>>; TokenClass::COUNT]>),
    /// Other models have a price, and this one has none: its calls are counted as unpriced.
    Unpriced(OnceLock<SeriesHandle<Counter>>),
}

impl Cost {
    pub(super) fn for_model(model: &str, prices: &Prices) -> Self {
        match prices.get(model) {
            Some(price) => Self::Priced(price, Box::default()),
            None if prices.is_empty() => Self::Disabled,
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

    /// Records a call that had usage.
    pub(crate) fn record(&self, usage: &Usage, finish: FinishReason) {
        let usage = usage.clamped();
        for (class, tokens) in usage.partition() {
            self.add_tokens(class, tokens);
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

    /// Records a call that ended without usage.
    pub(crate) fn record_missing(&self, finish: FinishReason, missing: MissingReason) {
        self.calls(finish).add(1);
        self.missing(missing).add(1);
    }

    /// Adds tokens of one class to `token_usage_total`, and their cost to `cost_usd_total`.
    fn add_tokens(&self, class: TokenClass, tokens: u64) {
        let families = &*self.families;
        self.usage[class.index()]
            .get_or_init(|| families.token_usage.series(self.class_labels(class)))
            .add(tokens);
        if let Cost::Priced(price, series) = &self.cost {
            series[class.index()]
                .get_or_init(|| families.cost.series(self.class_labels(class)))
                .add(price.cost(class, tokens));
        }
    }

    /// Counts a call with usage as unpriced if other models have a price and this one has none.
    fn count_unpriced(&self) {
        if let Cost::Unpriced(series) = &self.cost {
            let labels = [&*self.endpoint, &*self.model];
            series.get_or_init(|| self.families.unpriced_calls.series(labels)).add(1);
        }
    }

    /// Returns the label values of a class in `token_usage_total` and `cost_usd_total`.
    fn class_labels(&self, class: TokenClass) -> [&str; 5] {
        let (token_type, detail) = (class.token_type().as_str(), class.as_str());
        [&*self.endpoint, &*self.provider, &*self.model, token_type, detail]
    }

    /// Returns the series of the total input or the total output of a call.
    fn total(&self, token_type: TokenType) -> &SeriesHandle<Histogram> {
        self.totals[token_type.index()].get_or_init(|| {
            let labels = [&*self.endpoint, &*self.model, token_type.as_str()];
            self.families.request_tokens.series(labels)
        })
    }

    /// Returns the series of calls that ended for this reason.
    fn calls(&self, reason: FinishReason) -> &SeriesHandle<Counter> {
        self.calls[reason.index()].get_or_init(|| {
            let labels = [&*self.endpoint, &*self.provider, &*self.model, reason.as_str()];
            self.families.llm_calls.series(labels)
        })
    }

    /// Returns the series of calls whose usage is missing for this reason.
    fn missing(&self, reason: MissingReason) -> &SeriesHandle<Counter> {
        self.missing[reason.index()].get_or_init(|| {
            let labels = [&*self.endpoint, &*self.model, reason.as_str()];
            self.families.usage_missing.series(labels)
        })
    }
}
