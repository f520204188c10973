//! The cost of model calls, computed from the current prices.

use std::sync::OnceLock;

use crate::family::{Counter, Families, MoneyCounter, RequestLabelValues, SeriesHandle};
use crate::price::CurrentPrices;
use crate::usage::{TokenClass, Usage};

/// The cost series of one endpoint, provider and model. The model may get and lose its price.
pub(super) struct CostSeries {
    prices: &'static CurrentPrices,
    by_class: OnceLock<Box<[OnceLock<SeriesHandle<MoneyCounter>>; TokenClass::COUNT]>>,
    unpriced: OnceLock<SeriesHandle<Counter>>,
}

impl CostSeries {
    pub(super) fn new(prices: &'static CurrentPrices) -> Self {
        Self { prices, by_class: OnceLock::new(), unpriced: OnceLock::new() }
    }

    /// Returns whether calls have a cost or are counted as unpriced: any model has, or has had, a
    /// price.
    #[inline]
    pub(super) fn is_recorded(&self) -> bool {
        self.prices.are_used()
    }

    /// Records the cost of a call with this usage, or counts the call as unpriced. `labels` are the
    /// endpoint, provider and model of the call, and `service_tier` is the one that the reply
    /// names.
    #[inline(never)]
    pub(super) fn record(
        &self,
        families: &Families,
        labels: [&str; 3],
        request_values: RequestLabelValues,
        usage: &Usage,
        service_tier: Option<&str>,
    ) {
        let [endpoint, provider, model] = labels;
        let Some(price) = self.prices.for_call(model, usage.known_input(), service_tier) else {
            let unpriced = || families.unpriced_calls.series([endpoint, model]);
            self.unpriced.get_or_init(unpriced).add(1);
            return;
        };
        let by_class = self.by_class.get_or_init(Box::default);
        usage.partition(|class, tokens| {
            let cost = by_class[class.index()].get_or_init(|| {
                let (token_type, detail) = (class.token_type().as_str(), class.as_str());
                let labels = [endpoint, provider, model, token_type, detail];
                families.cost.series(request_values.with(labels))
            });
            cost.add(price.cost(class, tokens));
        });
    }
}
