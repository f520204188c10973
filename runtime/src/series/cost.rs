//! The cost of model calls, computed from the configured prices.

use std::sync::OnceLock;

use crate::family::{Counter, Families, MoneyCounter, SeriesHandle};
use crate::price::{Price, Prices};
use crate::usage::{TokenClass, Usage};

/// The cost series of one endpoint, provider and model.
pub(super) enum CostSeries {
    /// No model has a price: cost is not recorded.
    Disabled,
    Priced(Price, Box<[OnceLock<SeriesHandle<MoneyCounter>>; TokenClass::COUNT]>),
    /// Other models have a price, and this one has none: its calls are counted as unpriced.
    Unpriced(OnceLock<SeriesHandle<Counter>>),
}

impl CostSeries {
    pub(super) fn for_model(model: &str, prices: &Prices) -> Self {
        match prices.get(model) {
            Some(price) => Self::Priced(price, Box::default()),
            None if prices.is_empty() => Self::Disabled,
            None => Self::Unpriced(OnceLock::new()),
        }
    }

    /// Records the cost of a call with this usage. `labels` are its endpoint, provider and model.
    pub(super) fn record(&self, families: &Families, labels: [&str; 3], usage: &Usage) {
        let [endpoint, provider, model] = labels;
        match self {
            Self::Disabled => {}
            Self::Priced(price, series) => {
                for (class, tokens) in usage.partition() {
                    let cost = series[class.index()].get_or_init(|| {
                        let (token_type, detail) = (class.token_type().as_str(), class.as_str());
                        families.cost.series([endpoint, provider, model, token_type, detail])
                    });
                    cost.add(price.cost(class, tokens));
                }
            }
            Self::Unpriced(series) => {
                series.get_or_init(|| families.unpriced_calls.series([endpoint, model])).add(1);
            }
        }
    }
}
