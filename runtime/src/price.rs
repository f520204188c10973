//! Prices of tokens.

use std::collections::HashMap;

use crate::usage::TokenClass;

/// The price of a model's tokens, in US dollars per million tokens.
///
/// Cached tokens without a price of their own cost as much as other input tokens, and reasoning
/// tokens as much as other output tokens. Pass a price to
/// [`MetricsBuilder::price`](crate::MetricsBuilder::price). A price that is negative or not finite
/// is an error of `build`.
///
/// # Examples
///
/// ```
/// use streamgauge::{Metrics, Price};
///
/// let metrics = Metrics::builder()
///     .price("large-1", Price::per_million(2.50, 10.00).cache_read(1.25))
///     .price("small-1", Price::per_million(0.15, 0.60))
///     .build()?;
/// # Ok::<(), streamgauge::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Price {
    input: f64,
    output: f64,
    cache_read: Option<f64>,
    cache_write: Option<f64>,
    reasoning: Option<f64>,
}

impl Price {
    /// Creates a price from the prices of a million input tokens and of a million output tokens,
    /// in US dollars.
    #[must_use]
    pub const fn per_million(input: f64, output: f64) -> Self {
        Self { input, output, cache_read: None, cache_write: None, reasoning: None }
    }

    /// Sets the price of a million input tokens that are read from a cache, in US dollars.
    #[must_use]
    pub const fn cache_read(mut self, price: f64) -> Self {
        self.cache_read = Some(price);
        self
    }

    /// Sets the price of a million input tokens that are written to a cache, in US dollars.
    #[must_use]
    pub const fn cache_write(mut self, price: f64) -> Self {
        self.cache_write = Some(price);
        self
    }

    /// Sets the price of a million output tokens that the model spends on reasoning, in US
    /// dollars.
    #[must_use]
    pub const fn reasoning(mut self, price: f64) -> Self {
        self.reasoning = Some(price);
        self
    }

    /// Iterates over the prices that are set, with their names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, f64)> {
        [
            ("input", Some(self.input)),
            ("output", Some(self.output)),
            ("cache_read", self.cache_read),
            ("cache_write", self.cache_write),
            ("reasoning", self.reasoning),
        ]
        .into_iter()
        .filter_map(|(name, price)| Some((name, price?)))
    }

    /// Returns the cost of tokens of one class, in picodollars.
    pub(crate) fn cost(&self, class: TokenClass, tokens: u64) -> f64 {
        let per_million = match class {
            TokenClass::InputUncached | TokenClass::InputUnspecified => self.input,
            TokenClass::InputCacheRead => self.cache_read.unwrap_or(self.input),
            TokenClass::InputCacheWrite => self.cache_write.unwrap_or(self.input),
            TokenClass::OutputResponse | TokenClass::OutputUnspecified => self.output,
            TokenClass::OutputReasoning => self.reasoning.unwrap_or(self.output),
        };
        #[expect(clippy::cast_precision_loss, reason = "the cost is precise to fifteen digits")]
        let tokens = tokens as f64;
        // The first product is a price in picodollars per token, which is (nearly) a whole number.
        per_million * 1e6 * tokens
    }
}

/// The prices of all models that have one, by model name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prices(HashMap<Box<str>, Price>);

impl Prices {
    pub(crate) fn new(prices: HashMap<Box<str>, Price>) -> Self {
        Self(prices)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the price of a model. The name must match exactly; the limit of the label does not
    /// apply.
    pub(crate) fn get(&self, model: &str) -> Option<Price> {
        self.0.get(model).copied()
    }
}
