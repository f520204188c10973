//! The series of model calls of one endpoint, provider and model.

use std::sync::{Arc, OnceLock};

use super::cost::CostSeries;
use crate::family::{Counter, Families, Histogram, SeriesHandle};
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
    cost: CostSeries,
}

impl TokenSeries {
    pub(super) fn new(
        families: &Arc<Families>,
        endpoint: &Arc<str>,
        [provider, model]: [&str; 2],
        cost: CostSeries,
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
        let labels = [&*self.endpoint, &*self.provider, &*self.model];
        self.cost.record(&self.families, labels, &usage);
    }

    /// Records a call that ended without usage.
    pub(crate) fn record_missing(&self, finish: FinishReason, missing: MissingReason) {
        self.calls(finish).add(1);
        self.missing(missing).add(1);
    }

    /// Adds tokens of one class to `token_usage_total`.
    fn add_tokens(&self, class: TokenClass, tokens: u64) {
        self.usage[class.index()]
            .get_or_init(|| self.families.token_usage.series(self.class_labels(class)))
            .add(tokens);
    }

    /// Returns the label values of a class in `token_usage_total`.
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
            let labels = [&*self.endpoint, &*self.provider, &*self.model, "", reason.as_str(), ""];
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
