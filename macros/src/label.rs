//! Label values that stand in the source.

use syn::{Expr, ExprLit, Lit, LitStr};

use crate::errors::Errors;

/// What a value beyond a label's cap becomes.
const OVERFLOW: &str = "other";

/// The longest value that a label takes, in bytes.
const LONGEST: usize = 128;

/// Checks the value of `name`: text that a label can have, or an expression that will say.
pub(crate) fn check(name: &str, value: Option<&Expr>, errors: &mut Errors) {
    match literal(value) {
        None => {}
        Some(Lit::Str(text)) => {
            if let Some(problem) = problem(name, text) {
                errors.at(text, problem);
            }
        }
        Some(other) => {
            let message = format!(
                "`{name}` needs text: {name} = \"…\", or an expression over the arguments that is text"
            );
            errors.at(other, message);
        }
    }
}

/// The literal that an expression is, also one that a `macro_rules!` macro was given.
fn literal(value: Option<&Expr>) -> Option<&Lit> {
    match value? {
        Expr::Lit(ExprLit { lit, .. }) => Some(lit),
        Expr::Group(group) => literal(Some(&group.expr)),
        _ => None,
    }
}

fn problem(name: &str, text: &LitStr) -> Option<String> {
    let value = text.value();
    if value.is_empty() {
        Some(format!("an empty `{name}` says what none says; leave it away"))
    } else if value == OVERFLOW {
        Some(format!(
            "\"{OVERFLOW}\" is what a `{name}` beyond the label's cap is counted as; use another"
        ))
    } else if value.contains(char::is_control) {
        Some(format!("a `{name}` has no control characters"))
    } else if value.trim() != value {
        Some(format!("a `{name}` has no space around it: \"{}\"", value.trim()))
    } else if value.len() > LONGEST {
        Some(format!("a `{name}` has at most {LONGEST} bytes, and this has {}", value.len()))
    } else {
        None
    }
}
