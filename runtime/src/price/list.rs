//! Prices by model.

use std::collections::HashMap;

use super::Price;
use crate::family::OVERFLOW;

/// Prices of several models.
///
/// Pass them to [`MetricsBuilder::prices`](crate::MetricsBuilder::prices), or replace the prices of
/// a running instance with [`Metrics::set_prices`](crate::Metrics::set_prices). Prices are added
/// one by one with [`price`](Self::price), or are read from a file with
/// [`from_file`](Self::from_file). Price lists change often, so the crate contains none.
///
/// # File format
///
/// A price file has one table for each model. The keys of the table are named like the methods of
/// [`Price`], and are in US dollars per million tokens. `input` and `output` are required. `above`
/// is a list of prices for long prompts, each with its limit, `tokens`. `service_tiers` has the
/// multipliers of [`Price::service_tier`].
///
/// In TOML, which needs the feature `toml`, a model name with a dot, a colon or a slash must be
/// quoted:
///
/// ```toml
/// [large-1]
/// input = 1.25
/// output = 10
/// cache_read = 0.125
/// above = [{ tokens = 200_000, input = 2.50, output = 15, cache_read = 0.25 }]
/// service_tiers = { batch = 0.5, flex = 0.5, priority = 2 }
///
/// ["house/small-1.5"]
/// input = 0.15
/// output = 0.60
/// ```
///
/// The same file in JSON:
///
/// ```json
/// {
///   "large-1": {
///     "input": 1.25,
///     "output": 10,
///     "cache_read": 0.125,
///     "above": [{ "tokens": 200000, "input": 2.50, "output": 15, "cache_read": 0.25 }],
///     "service_tiers": { "batch": 0.5, "flex": 0.5, "priority": 2 }
///   },
///   "house/small-1.5": { "input": 0.15, "output": 0.60 }
/// }
/// ```
///
/// # Examples
///
/// ```
/// use streamgauge::{Metrics, Price, Prices};
///
/// let prices = Prices::new()
///     .price("large-1", Price::per_million(2.50, 10.00).cache_read(1.25))
///     .price("small-1", Price::per_million(0.15, 0.60));
/// assert_eq!((prices.len(), prices.is_empty()), (2, false));
/// let metrics = Metrics::builder().prices(prices).build()?;
/// # Ok::<(), streamgauge::BuildError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use = "prices do nothing until an instance has them"]
pub struct Prices(pub(crate) Vec<(String, Price)>);

impl Prices {
    /// Creates an empty set of prices.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds the price of a model's tokens.
    ///
    /// Model names match exactly: a price for `small-1` does not apply to `small-1-mini`. The price
    /// is validated when an instance gets it. Two prices of one model are an error then.
    pub fn price(mut self, model: impl Into<String>, price: Price) -> Self {
        self.0.push((model.into(), price));
        self
    }

    /// Returns the number of prices.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether no model has a price.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Validated prices by model name.
#[derive(Debug, Default)]
pub(crate) struct PriceMap(HashMap<Box<str>, Price>);

impl PriceMap {
    pub(crate) fn new(prices: HashMap<Box<str>, Price>) -> Self {
        Self(prices)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the price of a model. The name must match exactly; the limit of the label does not
    /// apply.
    pub(crate) fn get(&self, model: &str) -> Option<&Price> {
        self.0.get(model)
    }
}

/// Validates the name of a model that has a price.
pub(crate) fn check_model(model: &str) -> Result<(), String> {
    let mistake = if model.is_empty() {
        "the model name is empty: give the name of the model that has this price"
    } else if model == OVERFLOW {
        "`other` stands for several models, which have no price in common: set a price for each \
         model, which applies even if the model is exported as `other`"
    } else {
        return Ok(());
    };
    Err(mistake.to_owned())
}
