//! The resolved token families of one endpoint, provider and model.

use std::sync::{Arc, OnceLock};

use crate::family::{
    Counter, Families, FinishReason, Handle, Histogram, MissingReason, TokenClass, TokenType,
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
}

impl TokenSeries {
    pub(super) fn new(
        families: &Arc<Families>,
        endpoint: &Arc<str>,
        provider: &str,
        model: &str,
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
        }
    }

    /// Tokens of one class of the partition.
    pub(crate) fn usage(&self, class: TokenClass) -> &Handle<Counter> {
        self.usage[class.index()].get_or_init(|| {
            let (token_type, detail) = (class.token_type().as_str(), class.as_str());
            let labels = [&*self.endpoint, &*self.provider, &*self.model, token_type, detail];
            self.families.token_usage.series(&self.families, labels)
        })
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
