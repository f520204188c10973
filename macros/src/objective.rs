//! The argument `objective`: which share of the requests has to meet which conditions.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Error, Lit, LitStr, Path, Token, parenthesized};

use crate::errors::Errors;
use crate::tokens::hygienic;

/// A condition that an argument can name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    Success,
    Latency,
    FirstToken,
}

impl Condition {
    const ALL: [Self; 3] = [Self::Success, Self::Latency, Self::FirstToken];

    fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Latency => "latency",
            Self::FirstToken => "first_token",
        }
    }

    /// How the condition is written.
    fn example(self) -> &'static str {
        match self {
            Self::Success => "success = 99.9",
            Self::Latency => "latency(\"250ms\", 99.0)",
            Self::FirstToken => "first_token(\"1s\", 95.0)",
        }
    }
}

/// A condition, and the share of the requests that has to meet it.
struct Goal {
    condition: Condition,
    nanoseconds: u64,
    percent: f64,
}

/// A valid objective.
#[derive(Default)]
pub(crate) struct Objective(Vec<Goal>);

impl Objective {
    /// Checks the argument, or reports what is wrong with it. `allowed` are the conditions that the
    /// attribute accepts, and `endpoint` is its argument of that name.
    pub(crate) fn validate(
        argument: Option<(Ident, TokenStream)>,
        allowed: &[Condition],
        endpoint: Option<&LitStr>,
        errors: &mut Errors,
    ) -> Self {
        let Some((name, tokens)) = argument else { return Self::default() };
        if endpoint.is_none() {
            errors.at(
                &name,
                "an objective needs the endpoint that it is for: add \
                 `endpoint = \"…\"`"
                    .to_owned(),
            );
        }
        if tokens.is_empty() {
            errors.at(&name, format!("write a condition: objective({})", allowed[0].example()));
        }
        let mut goals: Vec<Goal> = Vec::new();
        let parse = |input: ParseStream<'_>| {
            while !input.is_empty() {
                let (word, goal) = parse_goal(input, allowed)?;
                if goals.iter().any(|known| known.condition == goal.condition) {
                    let message = format!("`{word}` is given twice; remove one of the two");
                    return Err(Error::new_spanned(word, message));
                }
                goals.push(goal);
                if !input.is_empty() {
                    input.parse::<Token![,]>()?;
                }
            }
            Ok(())
        };
        if let Err(error) = parse.parse2(tokens) {
            errors.push(error);
        }
        Self(goals)
    }

    /// The settings that the objective adds to a call site.
    pub(crate) fn expand(&self, krate: &Path) -> TokenStream {
        if self.0.is_empty() {
            return TokenStream::new();
        }
        let private = quote! { #krate::__private };
        let goals = self.0.iter().map(|goal| {
            let Goal { nanoseconds, percent, .. } = goal;
            let constructor = hygienic(goal.condition.name());
            match goal.condition {
                Condition::Success => quote! { #private::Goal::#constructor(#percent) },
                Condition::Latency | Condition::FirstToken => {
                    quote! { #private::Goal::#constructor(#nanoseconds, #percent) }
                }
            }
        });
        quote! { .with_objective(const { &[#(#goals),*] }) }
    }
}

fn parse_goal(input: ParseStream<'_>, allowed: &[Condition]) -> Result<(Ident, Goal), Error> {
    let word = input.call(Ident::parse_any)?;
    let condition = Condition::ALL.into_iter().find(|condition| word == condition.name());
    let Some(condition) = condition.filter(|condition| allowed.contains(condition)) else {
        let known: Vec<_> = allowed.iter().map(|known| known.example()).collect();
        let message = format!("unknown condition `{word}`; write {}", known.join(" or "));
        return Err(Error::new_spanned(word, message));
    };
    let usage = || format!("write `{}`", condition.example());
    if condition == Condition::Success {
        if input.parse::<Option<Token![=]>>()?.is_none() {
            return Err(Error::new_spanned(&word, usage()));
        }
        let percent = parse_percent(input)?;
        return Ok((word, Goal { condition, nanoseconds: 0, percent }));
    }
    let content;
    if !input.peek(syn::token::Paren) {
        return Err(Error::new_spanned(&word, usage()));
    }
    parenthesized!(content in input);
    let time: LitStr = content.parse().map_err(|error| Error::new(error.span(), usage()))?;
    content.parse::<Token![,]>().map_err(|error| Error::new(error.span(), usage()))?;
    let percent = parse_percent(&content)?;
    content.parse::<Option<Token![,]>>()?;
    if !content.is_empty() {
        return Err(Error::new(content.span(), usage()));
    }
    let nanoseconds = nanoseconds(&time.value()).ok_or_else(|| {
        let message = format!(
            "{:?} is not a time: write a number and a unit, such as \"250ms\" or \"1.5s\"",
            time.value()
        );
        Error::new_spanned(&time, message)
    })?;
    Ok((word, Goal { condition, nanoseconds, percent }))
}

/// The largest percentage, as in the settings of an instance.
const MOST_PERCENT: f64 = 99.9999;

fn parse_percent(input: ParseStream<'_>) -> Result<f64, Error> {
    let literal: Lit = input
        .parse()
        .map_err(|error| Error::new(error.span(), "expected a percentage, such as 99.9"))?;
    let percent = match &literal {
        Lit::Float(number) => number.base10_parse::<f64>().ok(),
        Lit::Int(number) => number.base10_parse::<u32>().ok().map(f64::from),
        _ => None,
    };
    percent.filter(|percent| *percent > 0.0 && *percent <= MOST_PERCENT).ok_or_else(|| {
        let message =
            format!("a percentage is a number above 0 and at most {MOST_PERCENT}, such as 99.9");
        Error::new_spanned(&literal, message)
    })
}

/// Parses a time such as `250ms`.
fn nanoseconds(text: &str) -> Option<u64> {
    let unit_at = text.find(|character: char| !character.is_ascii_digit() && character != '.')?;
    let (number, unit) = text.split_at(unit_at);
    let unit: u64 = match unit {
        "us" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        _ => return None,
    };
    // Decimal arithmetic: 0.25 s is exactly 250,000,000 ns.
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if fraction.is_empty() {
        return None;
    }
    let mut nanoseconds = whole.parse::<u64>().ok()?.checked_mul(unit)?;
    let mut place = unit;
    for digit in fraction.bytes() {
        place /= 10;
        let digit = u64::from(digit.checked_sub(b'0')?);
        if place == 0 && digit != 0 {
            return None;
        }
        nanoseconds = nanoseconds.checked_add(digit * place)?;
    }
    (nanoseconds > 0).then_some(nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::nanoseconds;

    #[test]
    fn time_is_a_number_and_a_unit() {
        assert_eq!(nanoseconds("250ms"), Some(250_000_000));
        assert_eq!(nanoseconds("0.25s"), Some(250_000_000));
        assert_eq!(nanoseconds("1.5s"), Some(1_500_000_000));
        assert_eq!(nanoseconds("500us"), Some(500_000));
        for wrong in ["", "250", "ms", "1 s", "-1s", "1.2.3s", "0s", "1h", "99999999999999s"] {
            assert_eq!(nanoseconds(wrong), None, "{wrong}");
        }
    }
}
