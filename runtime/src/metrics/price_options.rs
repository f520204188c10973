//! The builder's options for prices.

use super::MetricsBuilder;
use crate::price::{Price, Prices};

impl MetricsBuilder {
    /// Sets the price of a model's tokens.
    ///
    /// The first price adds two families: `cost_usd_total`, with the labels of `token_usage_total`,
    /// and `unpriced_calls_total`, which counts calls whose model has no price. By default no cost
    /// is recorded.
    ///
    /// Model names match exactly: a price for `small-1` does not apply to `small-1-mini`.
    ///
    /// # Examples
    ///
    /// ```
    /// use streamgauge::{Metrics, Price};
    ///
    /// let metrics = Metrics::builder().price("small-1", Price::per_million(0.15, 0.60)).build()?;
    /// # Ok::<(), streamgauge::BuildError>(())
    /// ```
    pub fn price(mut self, model: impl Into<String>, price: Price) -> Self {
        self.prices = self.prices.price(model, price);
        self
    }

    /// Adds the prices of several models, as [`price`](Self::price) does for one.
    ///
    /// [`Prices::from_file`] reads them from a file, and
    /// [`Metrics::set_prices`](crate::Metrics::set_prices) replaces them while the program runs. If
    /// this option and `price` set a price for the same model, `build` returns an error.
    ///
    /// # Examples
    ///
    /// ```
    /// use streamgauge::{Metrics, Prices};
    ///
    /// let prices = Prices::parse_json(r#"{ "small-1": { "input": 0.15, "output": 0.60 } }"#)?;
    /// let metrics = Metrics::builder().prices(prices).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn prices(mut self, prices: Prices) -> Self {
        self.prices.0.extend(prices.0);
        self
    }
}
