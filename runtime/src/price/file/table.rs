//! Reads prices from the values of a price file.

use std::collections::HashMap;

use super::Mistake;
use super::node::{Entry, Node, Value};
use super::suggest::nearest;
use crate::price::{Price, Prices, check_model, check_multiplier, check_rate};
use crate::usage::UsageCount;

/// The limit of a tier.
const TOKENS: &str = "tokens";
const ABOVE: &str = "above";
const SERVICE_TIERS: &str = "service_tiers";

/// The largest limit of a tier: the largest integer up to which a float has all integers.
const MAX_LIMIT: f64 = 9_007_199_254_740_992.0;

/// Reads the prices of all models.
pub(super) fn read_prices(root: &Node) -> Result<Prices, Mistake> {
    let Value::Table(models) = &root.value else {
        let found = root.value.type_name();
        let reason = format!("expected a table of models, and found {found}");
        return Err(Mistake::at(root.line, reason));
    };
    if models.is_empty() {
        return Err(Mistake::at(root.line, "no model has a price: give at least one"));
    }
    check_duplicates(models, "the price of model ")?;
    let mut prices = Prices::new();
    for Entry { key: model, line, value } in models {
        check_model(model).map_err(|reason| Mistake::at(*line, reason))?;
        let price = read_price(value, *line, &[ABOVE, SERVICE_TIERS]);
        let in_model = |Mistake { line, reason }| Mistake {
            line,
            reason: format!("price of {model:?}: {reason}"),
        };
        prices = prices.price(model, price.map_err(in_model)?.price);
    }
    Ok(prices)
}

/// A price, or a price for long prompts with its limit.
struct ReadPrice {
    price: Price,
    limit: Option<u64>,
}

/// Reads a price. `line` is the line of its key. Besides prices, the table may have the keys in
/// `others`.
fn read_price(node: &Node, line: usize, others: &[&'static str]) -> Result<ReadPrice, Mistake> {
    let Value::Table(entries) = &node.value else {
        let found = node.value.type_name();
        let reason = format!("expected a table with `input` and `output`, and found {found}");
        return Err(Mistake::at(node.line, reason));
    };
    check_duplicates(entries, "")?;
    let (mut rates, mut limit) = ([None; UsageCount::COUNT], None);
    let (mut tiers, mut service_tiers) = (Vec::new(), Vec::new());
    for entry in entries {
        let Entry { key, line, value } = entry;
        let other = others.iter().find(|other| *other == key);
        if let Some(count) = UsageCount::ALL.into_iter().find(|count| count.as_str() == key) {
            rates[count.index()] = Some(read_rate(count, value)?);
        } else {
            match other.copied() {
                Some(TOKENS) => limit = Some(read_limit(value)?),
                Some(ABOVE) => tiers = read_tiers(value)?,
                Some(SERVICE_TIERS) => service_tiers = read_service_tiers(value)?,
                _ => return Err(Mistake::at(*line, unknown_key(entry, others))),
            }
        }
    }
    let required = |count: UsageCount| {
        let missing = || {
            let name = count.as_str();
            Mistake::at(line, format!("`{name}` is missing: add it; it is 0 for free tokens"))
        };
        rates[count.index()].ok_or_else(missing)
    };
    let mut price = Price::per_million(required(UsageCount::Input)?, required(UsageCount::Output)?);
    let totals = [UsageCount::Input, UsageCount::Output];
    for part in UsageCount::ALL.into_iter().filter(|count| !totals.contains(count)) {
        if let Some(rate) = rates[part.index()] {
            price = price.with(part, rate);
        }
    }
    for (limit, tier) in tiers {
        price = price.above(limit, tier);
    }
    for (name, multiplier) in service_tiers {
        price = price.service_tier(name, multiplier);
    }
    Ok(ReadPrice { price, limit })
}

fn read_number(name: &str, node: &Node) -> Result<f64, Mistake> {
    let reason = match &node.value {
        Value::Number(number) => return Ok(*number),
        value if *value == Value::TEXT => {
            format!("{name} is a text: write a number, without quotes")
        }
        value => format!("{name} is {}: write a number", value.type_name()),
    };
    Err(Mistake::at(node.line, reason))
}

fn read_rate(count: UsageCount, node: &Node) -> Result<f64, Mistake> {
    let rate = read_number(&format!("`{}`", count.as_str()), node)?;
    check_rate(count, rate).map_err(|reason| Mistake::at(node.line, reason))?;
    Ok(rate)
}

/// Reads the limit of a tier.
fn read_limit(node: &Node) -> Result<u64, Mistake> {
    let limit = read_number("`tokens`", node)?;
    if !(0.0..=MAX_LIMIT).contains(&limit) || limit.fract() != 0.0 {
        let reason = format!("`tokens` is {limit}: write a whole number of tokens");
        return Err(Mistake::at(node.line, reason));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the number is whole, and not negative"
    )]
    let limit = limit as u64;
    Ok(limit)
}

/// Reads the prices for long prompts, each with its limit.
fn read_tiers(node: &Node) -> Result<Vec<(u64, Price)>, Mistake> {
    let Value::List(items) = &node.value else {
        let found = node.value.type_name();
        let reason = format!(
            "`above` is {found}: write a list of tables with `tokens`, `input` and `output`"
        );
        return Err(Mistake::at(node.line, reason));
    };
    let mut lines = HashMap::new();
    let mut tiers = Vec::new();
    for item in items {
        let ReadPrice { price, limit } = read_price(item, item.line, &[TOKENS])?;
        let Some(limit) = limit else {
            let reason = "`tokens` is missing: add the number of input tokens above which the \
                          price applies";
            return Err(Mistake::at(item.line, reason));
        };
        if let Some(first) = lines.insert(limit, item.line) {
            let reason = format!(
                "a tier begins above {limit} tokens on line {first} already: remove one of them"
            );
            return Err(Mistake::at(item.line, reason));
        }
        tiers.push((limit, price));
    }
    Ok(tiers)
}

/// Reads the multipliers of the service tiers.
fn read_service_tiers(node: &Node) -> Result<Vec<(&str, f64)>, Mistake> {
    let Value::Table(entries) = &node.value else {
        let found = node.value.type_name();
        let reason = format!("`service_tiers` is {found}: write a table of names and multipliers");
        return Err(Mistake::at(node.line, reason));
    };
    check_duplicates(entries, "service tier ")?;
    let multiplier = |Entry { key, line, value }: &'_ Entry| {
        let multiplier = read_number(&format!("the multiplier of service tier {key:?}"), value)?;
        check_multiplier(key, multiplier).map_err(|reason| Mistake::at(*line, reason))?;
        Ok(multiplier)
    };
    entries.iter().map(|entry| Ok((&*entry.key, multiplier(entry)?))).collect()
}

/// Reports a key that occurs twice. `kind` says what the keys are.
fn check_duplicates(entries: &[Entry], kind: &str) -> Result<(), Mistake> {
    let mut lines = HashMap::new();
    for Entry { key, line, .. } in entries {
        if let Some(first) = lines.insert(&**key, *line) {
            let reason = format!("{kind}{key:?} is given on line {first} already: give it once");
            return Err(Mistake::at(*line, reason));
        }
    }
    Ok(())
}

/// Explains a key that a price does not have.
fn unknown_key(entry: &Entry, others: &[&'static str]) -> String {
    let key = &entry.key;
    let known =
        || UsageCount::ALL.map(UsageCount::as_str).into_iter().chain(others.iter().copied());
    let remedy = if let Some(meant) = nearest(key, known()) {
        format!("did you mean `{meant}`?")
    } else if matches!(entry.value.value, Value::Table(_)) {
        "if it is a part of a model name with a dot, quote the whole name in TOML, as in \
         [\"small-1.5\"]"
            .to_owned()
    } else {
        format!("the keys are {}", known().collect::<Vec<_>>().join(", "))
    };
    format!("unknown key {key:?}; {remedy}")
}
