//! Label values that stand in the source.

use syn::visit::{self, Visit};
use syn::{Expr, ExprLit, Lit, LitStr};

use crate::errors::Errors;

/// What a value beyond a label's cap becomes.
const OVERFLOW: &str = "other";

/// The longest value that a label takes, in bytes.
const LONGEST: usize = 128;

/// Checks the value of `name`: text that a label can have, or an expression that will say.
pub(crate) fn check(name: &str, value: Option<&Expr>, errors: &mut Errors) {
    match literal(value) {
        None => {
            if let Some(expression) = value.filter(|expression| leaves_function(expression)) {
                errors.at(
                    expression,
                    format!("`{name}` is read before the body and cannot leave it"),
                );
            }
        }
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

/// Whether an expression may end the function, or wait: a macro's call is the user's word that it does
/// neither.
fn leaves_function(expression: &Expr) -> bool {
    struct Leaves(bool);
    impl<'ast> Visit<'ast> for Leaves {
        fn visit_expr(&mut self, expression: &'ast Expr) {
            self.0 |= matches!(
                expression,
                Expr::Try(_)
                    | Expr::Return(_)
                    | Expr::Break(_)
                    | Expr::Continue(_)
                    | Expr::Await(_)
            );
            // What leaves a closure does not leave the function.
            if !matches!(expression, Expr::Closure(_) | Expr::Async(_)) {
                visit::visit_expr(self, expression);
            }
        }
    }
    let mut leaves = Leaves(false);
    leaves.visit_expr(expression);
    leaves.0
}
