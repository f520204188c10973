//! Tests of prices: fallbacks, tiers and service tiers.

use super::*;
use crate::usage::{MAX_TOKENS, Usage};

/// Returns the cost of a call in dollars.
fn cost(price: &Price, usage: Usage, service_tier: Option<&str>) -> f64 {
    let price = price.for_call(usage.known_input(), service_tier);
    let mut cost = 0.0;
    usage.partition(|class, tokens| cost += price.cost(class, tokens));
    cost / 1e12
}

fn assert_cost(price: &Price, usage: Usage, service_tier: Option<&str>, dollars: f64) {
    let cost = cost(price, usage, service_tier);
    assert!((cost - dollars).abs() < 1e-9, "{cost} instead of {dollars}: {usage:?}");
}

/// One million tokens in one part.
fn in_part(part: UsageCount) -> Usage {
    let million = 1_000_000;
    match part {
        UsageCount::Input => Usage::new(million, 0),
        UsageCount::CacheRead => Usage::new(million, 0).cache_read(million),
        UsageCount::CacheWrite => Usage::new(million, 0).cache_write(million),
        UsageCount::CacheWrite1h => Usage::new(million, 0).cache_write_1h(million),
        UsageCount::InputAudio => Usage::new(million, 0).input_audio(million),
        UsageCount::InputImage => Usage::new(million, 0).input_image(million),
        UsageCount::Output => Usage::new(0, million),
        UsageCount::Reasoning => Usage::new(0, million).reasoning(million),
        UsageCount::OutputAudio => Usage::new(0, million).output_audio(million),
        UsageCount::OutputImage => Usage::new(0, million).output_image(million),
    }
}

#[test]
fn price_of_each_part_applies_to_that_part() {
    let price = Price::per_million(1.0, 7.0)
        .cache_read(2.0)
        .cache_write(3.0)
        .cache_write_1h(4.0)
        .input_audio(5.0)
        .input_image(6.0)
        .reasoning(8.0)
        .output_audio(9.0)
        .output_image(10.0);
    for (part, dollars) in UsageCount::ALL.into_iter().zip(1_u32..) {
        assert_cost(&price, in_part(part), None, f64::from(dollars));
    }
    // The rest beside a part has the price of the total.
    let usage = Usage::new(1_000_000, 1_000_000).cache_write_1h(250_000).output_audio(500_000);
    assert_cost(&price, usage, None, 0.75 * 1.0 + 0.25 * 4.0 + 0.5 * 7.0 + 0.5 * 9.0);
}

#[test]
fn parts_without_a_price_cost_as_much_as_their_whole() {
    let price = Price::per_million(2.0, 10.0);
    for part in UsageCount::ALL {
        let is_output = part.as_str().starts_with("output") || part == UsageCount::Reasoning;
        assert_cost(&price, in_part(part), None, if is_output { 10.0 } else { 2.0 });
    }
    let price = price.cache_write(3.0);
    assert_cost(&price, in_part(UsageCount::CacheWrite1h), None, 3.0);
    assert_cost(&price, in_part(UsageCount::CacheRead), None, 2.0);
}

#[test]
fn tier_applies_to_the_whole_call_above_its_limit() {
    let long = Price::per_million(2.5, 15.0).cache_read(0.25);
    let longest = Price::per_million(5.0, 30.0);
    // The order in which tiers are added does not matter.
    let price = Price::per_million(1.25, 10.0)
        .cache_read(0.125)
        .above(1_000_000, longest)
        .above(200_000, long);
    let usage = |input| Usage::new(input, 100_000).cache_read(100_000);
    assert_cost(&price, usage(200_000), None, 0.1 * 1.25 + 0.1 * 0.125 + 0.1 * 10.0);
    assert_cost(&price, usage(200_001), None, 0.100_001 * 2.5 + 0.1 * 0.25 + 0.1 * 15.0);
    assert_cost(&price, usage(1_000_000), None, 0.9 * 2.5 + 0.1 * 0.25 + 0.1 * 15.0);
    // Cached tokens cost as much as other input, because this tier has no price for them.
    assert_cost(&price, usage(1_000_001), None, 1.000_001 * 5.0 + 0.1 * 30.0);
}

#[test]
fn tier_counts_the_known_parts_of_an_unknown_input() {
    let price = Price::per_million(1.0, 1.0).above(10, Price::per_million(2.0, 2.0));
    let parts = |tokens| {
        let counts = [(UsageCount::CacheRead, Some(5)), (UsageCount::InputAudio, Some(tokens))];
        Usage::from_counts(counts).unwrap_or_default()
    };
    assert_cost(&price, parts(5), None, 10e-6);
    assert_cost(&price, parts(6), None, 22e-6);
}

#[test]
fn service_tier_multiplies_all_prices_of_a_call() {
    let price = Price::per_million(2.0, 10.0)
        .cache_read(1.0)
        .above(1_000_000, Price::per_million(4.0, 20.0))
        .service_tier("batch", 0.5)
        .service_tier("priority", 2.0)
        .service_tier("trial", 0.0);
    let usage = Usage::new(1_000_000, 100_000).cache_read(500_000);
    for (tier, dollars) in [
        (None, 2.5),
        (Some("batch"), 1.25),
        (Some("priority"), 5.0),
        (Some("trial"), 0.0),
        (Some("default"), 2.5),
        (Some("Batch"), 2.5),
        (Some(""), 2.5),
    ] {
        assert_cost(&price, usage, tier, dollars);
    }
    assert_cost(&price, Usage::new(2_000_000, 0), Some("batch"), 4.0);
}

#[test]
fn cost_of_the_largest_price_is_finite() {
    let price = Price::per_million(MAX_PRICE, 0.0).service_tier("most", MAX_MULTIPLIER);
    assert_eq!(price.validate(), Ok(()));
    assert!(cost(&price, Usage::new(MAX_TOKENS, 0), Some("most")).is_finite());
}

#[test]
fn invalid_prices_are_named() {
    let price = || Price::per_million(1.0, 2.0);
    for (invalid, mistake) in [
        (price().cache_write_1h(-1.0), "cache_write_1h costs -1 dollars per million tokens"),
        (price().output_audio(f64::NAN), "output_audio costs NaN dollars"),
        (price().input_image(1e13), "give a number of at most 1e12"),
        (price().above(5, price().input_audio(f64::INFINITY)), "above 5 tokens, input_audio"),
        (price().above(5, price()).above(6, price()).above(5, price()), "above 5 tokens: "),
        (price().above(5, price().above(6, price())), "above 5 tokens, the price has tiers"),
        (price().above(5, price().service_tier("a", 1.0)), "service tiers of its own"),
        (price().service_tier("", 1.0), "an empty name"),
        (price().service_tier("a", 1.0).service_tier("a", 1.0), "\"a\" is given twice"),
        (price().service_tier("a", -0.5), "multiplies the price by -0.5: give a finite"),
        (price().service_tier("a", f64::NAN), "multiplies the price by NaN"),
        (price().service_tier("a", 1e7), "give a number of at most 1e6"),
    ] {
        let error = invalid.validate().expect_err("the price is invalid");
        assert!(error.contains(mistake), "{error:?} does not contain {mistake:?}");
    }
    let valid = price().above(0, price()).above(1, price()).service_tier("free", 0.0);
    assert_eq!(valid.validate(), Ok(()));
}
