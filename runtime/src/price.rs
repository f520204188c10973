//! Prices of tokens.

mod current;
mod file;
mod list;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

pub(crate) use self::current::CurrentPrices;
pub use self::file::PriceFileError;
pub use self::list::Prices;
pub(crate) use self::list::{PriceMap, check_model};
use crate::usage::{TokenClass, UsageCount};

/// The highest price of a million tokens, in US dollars, and the highest multiplier. With these
/// limits no product of a price and a token count is infinite.
const MAX_PRICE: f64 = 1e12;
const MAX_MULTIPLIER: f64 = 1e6;

/// The price of a model's tokens, in US dollars per million tokens.
///
/// Pass a price to [`MetricsBuilder::price`](crate::MetricsBuilder::price), or several of them to
/// [`Prices`]. A price that is negative, not finite or above 10^12 dollars is an error of `build`.
///
/// # Prices of parts
///
/// The parts of the input and of the output that [`Usage`](crate::Usage) has can have prices of
/// their own. A part without one costs as much as the tokens that it belongs to:
///
/// | price | applies to | default |
/// |---|---|---|
/// | `input` | input tokens that belong to no other row | required |
/// | `cache_read` | input tokens read from a cache | `input` |
/// | `cache_write` | input tokens written to a cache, by default for five minutes | `input` |
/// | `cache_write_1h` | input tokens written to a cache for one hour | `cache_write` |
/// | `input_audio`, `input_image` | input tokens that stand for audio or images | `input` |
/// | `output` | output tokens that belong to no other row | required |
/// | `reasoning` | output tokens that the model spends on reasoning | `output` |
/// | `output_audio`, `output_image` | output tokens that stand for audio or images | `output` |
///
/// ```
/// use streamgauge::Price;
///
/// let price = Price::per_million(2.50, 10.00)
///     .cache_read(1.25)
///     .cache_write(3.125)
///     .cache_write_1h(5.00)
///     .input_audio(40.00)
///     .input_image(5.00)
///     .reasoning(12.00)
///     .output_audio(80.00)
///     .output_image(20.00);
/// ```
///
/// # Examples
///
/// ```
/// use streamgauge::{Metrics, Price};
///
/// let large = Price::per_million(1.25, 10.00)
///     .cache_read(0.125)
///     .above(200_000, Price::per_million(2.50, 15.00).cache_read(0.25))
///     .service_tier("batch", 0.5);
/// let metrics = Metrics::builder()
///     .price("large-1", large)
///     .price("small-1", Price::per_million(0.15, 0.60))
///     .build()?;
/// # Ok::<(), streamgauge::BuildError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Price {
    rates: Rates,
    /// Prices for long prompts, each with the number of input tokens that a call must exceed.
    tiers: Vec<(u64, Price)>,
    /// Multipliers by service tier.
    service_tiers: Vec<(String, f64)>,
}

/// The prices of one tier, in US dollars per million tokens.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Rates {
    input: f64,
    output: f64,
    /// The prices of the parts, by index of [`UsageCount`].
    parts: [Option<f64>; UsageCount::COUNT],
}

impl Price {
    /// Creates a price from the prices of a million input tokens and of a million output tokens,
    /// in US dollars.
    #[must_use]
    pub const fn per_million(input: f64, output: f64) -> Self {
        let rates = Rates { input, output, parts: [None; UsageCount::COUNT] };
        Self { rates, tiers: Vec::new(), service_tiers: Vec::new() }
    }

    /// Sets the price of a million input tokens that are read from a cache, in US dollars.
    ///
    /// Defaults to the price of the input.
    ///
    /// [Prices of parts](Price#prices-of-parts) has an example.
    #[must_use]
    pub const fn cache_read(self, price: f64) -> Self {
        self.with(UsageCount::CacheRead, price)
    }

    /// Sets the price of a million input tokens that are written to a cache, in US dollars.
    ///
    /// Defaults to the price of the input.
    ///
    /// [Prices of parts](Price#prices-of-parts) has an example.
    #[must_use]
    pub const fn cache_write(self, price: f64) -> Self {
        self.with(UsageCount::CacheWrite, price)
    }

    /// Sets the price of a million input tokens that are written to a cache with a lifetime of one
    /// hour, in US dollars.
    ///
    /// Defaults to the price of [`cache_write`](Self::cache_write).
    ///
    /// [Prices of parts](Price#prices-of-parts) has an example.
    #[must_use]
    pub const fn cache_write_1h(self, price: f64) -> Self {
        self.with(UsageCount::CacheWrite1h, price)
    }

    /// Sets the price of a million input tokens that stand for audio, in US dollars.
    ///
    /// Defaults to the price of the input.
    ///
    /// [Prices of parts](Price#prices-of-parts) has an example.
    #[must_use]
    pub const fn input_audio(self, price: f64) -> Self {
        self.with(UsageCount::InputAudio, price)
    }

    /// Sets the price of a million input tokens that stand for images, in US dollars.
    ///
    /// Defaults to the price of the input.
    ///
    /// [Prices of parts](Price#prices-of-parts) has an example.
    #[must_use]
    pub const fn input_image(self, price: f64) -> Self {
        self.with(UsageCount::InputImage, price)
    }

    /// Sets the price of a million output tokens that the model spends on reasoning, in US
    /// dollars.
    ///
    /// Defaults to the price of the output.
    ///
    /// [Prices of parts](Price#prices-of-parts) has an example.
    #[must_use]
    pub const fn reasoning(self, price: f64) -> Self {
        self.with(UsageCount::Reasoning, price)
    }

    /// Sets the price of a million output tokens that stand for audio, in US dollars.
    ///
    /// Defaults to the price of the output.
    ///
    /// [Prices of parts](Price#prices-of-parts) has an example.
    #[must_use]
    pub const fn output_audio(self, price: f64) -> Self {
        self.with(UsageCount::OutputAudio, price)
    }

    /// Sets the price of a million output tokens that stand for images, in US dollars.
    ///
    /// Defaults to the price of the output.
    ///
    /// [Prices of parts](Price#prices-of-parts) has an example.
    #[must_use]
    pub const fn output_image(self, price: f64) -> Self {
        self.with(UsageCount::OutputImage, price)
    }

    /// Adds a price for calls with more than `tokens` input tokens, cached ones included.
    ///
    /// The price applies to the whole call, not only to the tokens above the limit, as providers
    /// charge for long prompts. Several tiers may be added; the highest one that a call exceeds
    /// applies. A tier replaces the price completely: its parts without a price of their own cost
    /// as much as the input or the output of the tier.
    ///
    /// It is an error of `build` if two tiers have the same limit, or if `price` itself has tiers
    /// or service tiers. The service tiers of this price apply to all its tiers.
    ///
    /// # Examples
    ///
    /// ```
    /// use streamgauge::Price;
    ///
    /// // A prompt of 200,000 tokens costs $0.25, and one of 200,001 tokens costs $0.50.
    /// let price = Price::per_million(1.25, 10.00).above(200_000, Price::per_million(2.50, 15.00));
    /// ```
    #[must_use]
    pub fn above(mut self, tokens: u64, price: Self) -> Self {
        self.tiers.push((tokens, price));
        self
    }

    /// Sets the number by which the price is multiplied if the reply says that the call was served
    /// in the service tier `name`, such as `batch`, `flex` or `priority`.
    ///
    /// Names match exactly. A call whose reply names no service tier, or another one, has the price
    /// as it is. It is an error of `build` if a name is empty or is given twice, or if the
    /// multiplier is negative, not finite or above 10^6.
    ///
    /// # Examples
    ///
    /// ```
    /// use streamgauge::Price;
    ///
    /// let price = Price::per_million(2.50, 10.00)
    ///     .service_tier("flex", 0.5)
    ///     .service_tier("priority", 2.0);
    /// ```
    #[must_use]
    pub fn service_tier(mut self, name: impl Into<String>, multiplier: f64) -> Self {
        self.service_tiers.push((name.into(), multiplier));
        self
    }

    /// Sets the price of a part of the input or the output.
    const fn with(mut self, part: UsageCount, price: f64) -> Self {
        self.rates.parts[part.index()] = Some(price);
        self
    }

    /// Returns the prices of a call with this many input tokens and this service tier.
    pub(crate) fn for_call(&self, input_tokens: u64, service_tier: Option<&str>) -> CallPrice {
        let tiers = self.tiers.iter().filter(|(above, _)| input_tokens > *above);
        let tier = tiers.max_by_key(|(above, _)| *above);
        let rates = tier.map_or(self.rates, |(_, price)| price.rates);
        let multiplier = service_tier.and_then(|name| {
            let mut multipliers = self.service_tiers.iter();
            multipliers.find(|(known, _)| known == name).map(|(_, multiplier)| *multiplier)
        });
        CallPrice { rates, multiplier: multiplier.unwrap_or(1.0) }
    }

    /// Validates the price.
    ///
    /// # Errors
    ///
    /// The mistake, and how to correct it.
    pub(crate) fn validate(&self) -> Result<(), String> {
        self.rates.validate()?;
        let mut limits = BTreeSet::new();
        for (above, tier) in &self.tiers {
            let in_tier = |mistake| format!("above {above} tokens, {mistake}");
            tier.rates.validate().map_err(in_tier)?;
            if !limits.insert(above) {
                return Err(format!("two tiers begin above {above} tokens: remove one of them"));
            }
            if !(tier.tiers.is_empty() && tier.service_tiers.is_empty()) {
                return Err(in_tier(
                    "the price has tiers or service tiers of its own: add them to the price \
                     itself"
                        .to_owned(),
                ));
            }
        }
        let mut names = BTreeSet::new();
        for (name, multiplier) in &self.service_tiers {
            check_multiplier(name, *multiplier)?;
            if !names.insert(name) {
                return Err(format!("service tier {name:?} is given twice: give it once"));
            }
        }
        Ok(())
    }
}

impl Rates {
    fn validate(&self) -> Result<(), String> {
        check_rate(UsageCount::Input, self.input)?;
        check_rate(UsageCount::Output, self.output)?;
        let parts = UsageCount::ALL.into_iter().zip(self.parts);
        parts
            .filter_map(|(part, price)| Some((part, price?)))
            .try_for_each(|(part, price)| check_rate(part, price))
    }

    /// Returns the price of a count.
    fn get(&self, count: UsageCount) -> f64 {
        let default = match count {
            UsageCount::Input => return self.input,
            UsageCount::Output => return self.output,
            UsageCount::CacheWrite1h => UsageCount::CacheWrite,
            UsageCount::CacheRead
            | UsageCount::CacheWrite
            | UsageCount::InputAudio
            | UsageCount::InputImage => UsageCount::Input,
            UsageCount::Reasoning | UsageCount::OutputAudio | UsageCount::OutputImage => {
                UsageCount::Output
            }
        };
        self.parts[count.index()].unwrap_or_else(|| self.get(default))
    }
}

/// Validates a price of a million tokens.
fn check_rate(count: UsageCount, price: f64) -> Result<(), String> {
    let name = count.as_str();
    match remedy(price, MAX_PRICE) {
        None => Ok(()),
        Some(remedy) => Err(format!("{name} costs {price} dollars per million tokens: {remedy}")),
    }
}

/// Validates a service tier.
fn check_multiplier(name: &str, multiplier: f64) -> Result<(), String> {
    if name.is_empty() {
        return Err("a service tier has an empty name: give the name that replies use".to_owned());
    }
    match remedy(multiplier, MAX_MULTIPLIER) {
        None => Ok(()),
        Some(remedy) => {
            Err(format!("service tier {name:?} multiplies the price by {multiplier}: {remedy}"))
        }
    }
}

/// Returns how to correct a number that is not from zero to `max`.
fn remedy(number: f64, max: f64) -> Option<String> {
    if !(number.is_finite() && number >= 0.0) {
        Some("give a finite number of zero or more".to_owned())
    } else if number > max {
        Some(format!("give a number of at most {max:e}"))
    } else {
        None
    }
}

/// The prices of one call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallPrice {
    rates: Rates,
    multiplier: f64,
}

impl CallPrice {
    /// Returns the cost of tokens of one class, in picodollars.
    pub(crate) fn cost(&self, class: TokenClass, tokens: u64) -> f64 {
        let per_million = self.rates.get(class.count()) * self.multiplier;
        #[expect(clippy::cast_precision_loss, reason = "the cost is precise to fifteen digits")]
        let tokens = tokens as f64;
        // The first product is a price in picodollars per token, which is (nearly) a whole number.
        per_million * 1e6 * tokens
    }
}
