//! What tokens cost.

use std::collections::HashMap;

use crate::usage::TokenClass;

/// What a model's tokens cost, in US dollars per million.
///
/// Without a price of their own cached tokens cost what input costs, and reasoning what output costs.
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
    /// The price of a million input tokens, and of a million output tokens.
    #[must_use]
    pub const fn per_million(input: f64, output: f64) -> Self {
        Self { input, output, cache_read: None, cache_write: None, reasoning: None }
    }

    /// The price of a million input tokens that are read from a cache.
    #[must_use]
    pub const fn cache_read(mut self, price: f64) -> Self {
        self.cache_read = Some(price);
        self
    }

    /// The price of a million input tokens that are written to a cache.
    #[must_use]
    pub const fn cache_write(mut self, price: f64) -> Self {
        self.cache_write = Some(price);
        self
    }

    /// The price of a million output tokens that the model spends on reasoning.
    #[must_use]
    pub const fn reasoning(mut self, price: f64) -> Self {
        self.reasoning = Some(price);
        self
    }

    /// The prices by name, as far as they are given.
    pub(crate) fn each(&self) -> impl Iterator<Item = (&'static str, f64)> {
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

    /// What so many tokens of a class cost, in picodollars.
    pub(crate) fn cost(&self, class: TokenClass, tokens: u64) -> f64 {
        let per_million = match class {
            TokenClass::InputUncached | TokenClass::InputUnspecified => self.input,
            TokenClass::InputCacheRead => self.cache_read.unwrap_or(self.input),
            TokenClass::InputCacheWrite => self.cache_write.unwrap_or(self.input),
            TokenClass::OutputResponse | TokenClass::OutputUnspecified => self.output,
            TokenClass::OutputReasoning => self.reasoning.unwrap_or(self.output),
        };
        #[expect(clippy::cast_precision_loss, reason = "money is counted to fifteen digits")]
        let tokens = tokens as f64;
        // First the price, which is a whole number of picodollars a token, or nearly.
        per_million * 1e6 * tokens
    }
}

/// The price table: prices by model. Empty where none is given.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prices(HashMap<Box<str>, Price>);

impl Prices {
    pub(crate) fn new(prices: HashMap<Box<str>, Price>) -> Self {
        Self(prices)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn of(&self, model: &str) -> Option<Price> {
        self.0.get(model).copied()
    }
}
