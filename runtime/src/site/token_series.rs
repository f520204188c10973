//! The resolved token families of one endpoint, provider and model.

use std::sync::{Arc, OnceLock};

use super::{Price, Prices};
use crate::family::{
    Counter, Families, FinishReason, Handle, Histogram, MissingReason, Money, TokenClass, TokenType,
};

pub(crate) struct TokenSeries {
    families: Arc<Families>,
    endpoint: Arc<str>,
    provider: Box<str>,
    model: Box<str>,
    usage: [OnceLock<Handle<Counter>>; TokenClass::COUNT],
    totals: [OnceLock<Handle<Histogram>>; TokenType::COUNT],
    calls: [OnceLock<Handle<Counter>>; FinishReason::COUNT],
    missing: [OnceLock<Handle<Counter>>; MissingReason::COUNT],
    cost: Cost,
}

/// What the tokens of a model cost.
pub(super) enum Cost {
    /// Nobody has asked for that.
    Uncounted,
    Priced(Price, Box<[OnceLock<Handle<Money>>; TokenClass::COUNT]>),
    /// Others have a price, and this model has none: its calls are counted.
    Unpriced(OnceLock<Handle<Counter>>),
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

    /// Counts tokens of one class of the partition, and what they cost where they have a price.
    pub(crate) fn count(&self, class: TokenClass, tokens: u64) {
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
    pub(crate) fn count_unpriced(&self) {
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
    pub(crate) fn total(&self, token_type: TokenType) -> &Handle<Histogram> {
        self.totals[token_type.index()].get_or_init(|| {
            let labels = [&*self.endpoint, &*self.model, token_type.as_str()];
            self.families.request_tokens.series(&self.families, labels)
        })
    }

    pub(crate) fn calls(&self, reason: FinishReason) -> &Handle<Counter> {
        self.calls[reason.index()].get_or_init(|| {
            let labels = [&*self.endpoint, &*self.provider, &*self.model, reason.as_str()];
            self.families.llm_calls.series(&self.families, labels)
        })
    }

    pub(crate) fn missing(&self, reason: MissingReason) -> &Handle<Counter> {
        self.missing[reason.index()].get_or_init(|| {
            let labels = [&*self.endpoint, &*self.model, reason.as_str()];
            self.families.usage_missing.series(&self.families, labels)
        })
    }
}
