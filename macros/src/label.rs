//! The arguments `model` and `provider`: values of labels.

use proc_macro2::{Delimiter, Group, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Expr, Lit, LitStr, Path};

use crate::arguments::literal;
use crate::errors::Errors;
use crate::tokens::{identifiers_in, located_at};

/// The value that the library records in place of values over the limits of a label.
const OVERFLOW: &str = "other";

/// The longest value that the library records, in bytes.
const MAX_BYTES: usize = 128;

/// A label value that an attribute sets.
pub(crate) enum LabelValue {
    /// Not given: the label is empty.
    Empty,
    /// A string literal.
    Literal(LitStr),
    /// An expression over the function's arguments, evaluated at the start of each call.
    Expression(Expr),
}

impl LabelValue {
    /// Checks the value of the argument `name`, and reports what is wrong with it.
    pub(crate) fn validate(name: &str, value: Option<Expr>, errors: &mut Errors) -> Self {
        let Some(value) = value else { return Self::Empty };
        match literal(&value) {
            Some(Lit::Str(text)) => {
                if let Some(problem) = problem(name, &text.value()) {
                    errors.at(text, problem);
                }
                Self::Literal(text.clone())
            }
            Some(other) => {
                let message = format!(
                    "`{name}` must be text: {name} = \"…\", or an expression over the function's \
                     arguments that is a string"
                );
                errors.at(other, message);
                Self::Empty
            }
            None => {
                if leaves_function(&value) {
                    let message = format!(
                        "`{name}` is evaluated before the function's body, and cannot contain \
                         `?`, `return`, `break`, `continue` or `.await`; only read the arguments"
                    );
                    errors.at(&value, message);
                }
                Self::Expression(value)
            }
        }
    }

    /// The identifiers in the expression.
    pub(crate) fn identifiers(&self) -> Vec<String> {
        match self {
            Self::Expression(expression) => identifiers_in(expression.to_token_stream()),
            Self::Empty | Self::Literal(_) => Vec::new(),
        }
    }

    /// An expression of the type `streamgauge::__private::Label`.
    pub(crate) fn expand(&self, krate: &Path) -> TokenStream {
        match self {
            Self::Empty => quote! { #krate::__private::Label::Static("") },
            Self::Literal(text) => quote! { #krate::__private::Label::Static(#text) },
            Self::Expression(expression) => {
                // If the expression is not text, the compiler's error points at the expression.
                let place = expression.span();
                let [label, borrow] = [quote! { #krate::__private::label }, quote! { & }]
                    .map(|tokens| located_at(place, tokens));
                let parenthesized = |tokens| {
                    let mut group = Group::new(Delimiter::Parenthesis, tokens);
                    group.set_span(Span::mixed_site().located_at(place));
                    group
                };
                let expression = parenthesized(quote! { #expression });
                let arguments = parenthesized(quote! { #borrow #expression });
                quote! { #krate::__private::label_or_empty(|| #label #arguments) }
            }
        }
    }
}

/// Describes why a label cannot have a value.
fn problem(name: &str, value: &str) -> Option<String> {
    if value.is_empty() {
        Some(format!("an empty `{name}` is the same as no `{name}`; remove the argument"))
    } else if value == OVERFLOW {
        Some(format!(
            "\"{OVERFLOW}\" is recorded for values over the limits of `{name}`; use another value"
        ))
    } else if value.contains(char::is_control) {
        Some(format!("a `{name}` must not contain control characters"))
    } else if value.trim() != value {
        let trimmed = value.trim();
        Some(format!("a `{name}` must not begin or end with whitespace: \"{trimmed}\""))
    } else if value.len() > MAX_BYTES {
        let len = value.len();
        Some(format!("a `{name}` is at most {MAX_BYTES} bytes long, and this one has {len}"))
    } else {
        None
    }
}

/// Whether an expression may leave the function or wait. Tokens of macro calls are not examined.
fn leaves_function(expression: &Expr) -> bool {
    struct Exits(bool);
    impl<'ast> Visit<'ast> for Exits {
        fn visit_expr(&mut self, expression: &'ast Expr) {
            self.0 |= matches!(
                expression,
                Expr::Try(_)
                    | Expr::Return(_)
                    | Expr::Break(_)
                    | Expr::Continue(_)
                    | Expr::Await(_)
            );
            // Within closures and async blocks they leave only these.
            if !matches!(expression, Expr::Closure(_) | Expr::Async(_)) {
                visit::visit_expr(self, expression);
            }
        }
    }
    let mut exits = Exits(false);
    exits.visit_expr(expression);
    exits.0
}

#[cfg(test)]
mod tests {
    use streamgauge::{Metrics, Usage};

    use super::{MAX_BYTES, OVERFLOW, problem};

    #[streamgauge::track_tokens(model = model)]
    fn call(model: &str) -> Usage {
        Usage::new(model.len() as u64, 0)
    }

    #[test]
    fn label_limit_and_overflow_value_are_those_of_the_runtime() {
        let longest = "m".repeat(MAX_BYTES);
        assert_eq!(problem("model", &longest), None);
        call(&longest);
        call(&format!("{longest}m"));
        let page = Metrics::global().encode_text().expect("the page can be encoded");
        let is_recorded = |model: &str| page.contains(&format!("model=\"{model}\""));
        assert!(is_recorded(&longest), "{page}");
        assert!(!is_recorded(&format!("{longest}m")), "{page}");
        assert!(is_recorded(OVERFLOW), "{page}");
    }
}
