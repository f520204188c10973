//! `name = value, …` in an attribute's parentheses.

use proc_macro2::{Ident, TokenStream};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Error, Expr, ExprLit, Lit, LitStr, Path, Token, token};

use crate::errors::Errors;
use crate::suggest::nearest;

/// The arguments of one attribute, each name once and all of them known.
pub(crate) struct Arguments {
    given: Vec<(Ident, Value)>,
}

enum Value {
    Expression(Expr),
    Path(Path),
}

impl Arguments {
    /// Reads the arguments of `attribute`, which knows the names `known`.
    pub(crate) fn parse(
        attribute: &str,
        known: &[&str],
        tokens: TokenStream,
        errors: &mut Errors,
    ) -> Self {
        let mut given = Vec::new();
        let parse = |input: ParseStream<'_>| {
            while !input.is_empty() {
                if let Err(error) = one(attribute, known, input, &mut given) {
                    errors.push(error);
                    skip_to_comma(input)?;
                }
                if !input.is_empty() {
                    input.parse::<Token![,]>()?;
                }
            }
            Ok(())
        };
        if let Err(error) = parse.parse2(tokens) {
            errors.push(error);
        }
        Self { given }
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        let place = self.given.iter().position(|(given, _)| given == name)?;
        Some(self.given.swap_remove(place).1)
    }

    /// The value of an argument that may be any expression.
    pub(crate) fn expression(&mut self, name: &str) -> Option<Expr> {
        match self.take(name)? {
            Value::Expression(expression) => Some(expression),
            Value::Path(_) => None,
        }
    }

    /// The value of an argument that must be a string literal.
    pub(crate) fn text(&mut self, name: &str, errors: &mut Errors) -> Option<LitStr> {
        let refuse = |other: Expr, errors: &mut Errors| {
            let message = format!("`{name}` needs a string literal: {name} = \"…\"");
            errors.push(Error::new_spanned(other, message));
            None
        };
        match self.expression(name)? {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text),
            // A literal that a `macro_rules!` macro was given.
            Expr::Group(group) => match *group.expr {
                Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text),
                other => refuse(other, errors),
            },
            other => refuse(other, errors),
        }
    }

    /// The path of the streamgauge crate: `crate = …`, else `::streamgauge`.
    pub(crate) fn crate_path(&mut self) -> Path {
        match self.take("crate") {
            Some(Value::Path(path)) => path,
            _ => syn::parse_quote!(::streamgauge),
        }
    }
}

/// What arguments are called elsewhere, and here.
const SYNONYMS: &[(&str, &str)] = &[
    ("path", "endpoint"),
    ("route", "endpoint"),
    ("uri", "endpoint"),
    ("url", "endpoint"),
    ("content_type", "media_type"),
    ("mime", "media_type"),
];

fn one(
    attribute: &str,
    known: &[&str],
    input: ParseStream<'_>,
    given: &mut Vec<(Ident, Value)>,
) -> Result<(), Error> {
    if let Some(text) = input.fork().parse::<Option<LitStr>>()? {
        let is_method =
            !text.value().is_empty() && text.value().bytes().all(|byte| byte.is_ascii_uppercase());
        let name = match text.value() {
            path if path.starts_with('/') => "endpoint",
            _ if is_method && known.contains(&"method") => "method",
            _ => known[0],
        };
        let message = format!("an argument has a name: {name} = {:?}", text.value());
        return Err(Error::new_spanned(text, message));
    }
    let name = input.call(Ident::parse_any).map_err(|error| {
        Error::new(error.span(), format!("expected an argument, as in `{} = …`", known[0]))
    })?;
    if !known.iter().any(|known| name == known) {
        return Err(Error::new_spanned(&name, unknown(attribute, known, &name.to_string())));
    }
    if input.peek(Token![:]) || input.peek(token::Paren) {
        let message = format!("an argument is written with `=`: {name} = …");
        return Err(Error::new_spanned(&name, message));
    }
    let equals = input.parse::<Option<Token![=]>>()?;
    if equals.is_none() || input.is_empty() || input.peek(Token![,]) {
        let message = format!("`{name}` needs a value: {name} = …");
        return Err(Error::new_spanned(&name, message));
    }
    let value = if name == "crate" {
        Value::Path(input.call(Path::parse_mod_style).map_err(|error| {
            Error::new(error.span(), "`crate` needs a path: crate = my::streamgauge")
        })?)
    } else {
        Value::Expression(input.parse()?)
    };
    if given.iter().any(|(before, _)| *before == name) {
        let message = format!("`{name}` is given twice; give it once");
        return Err(Error::new_spanned(&name, message));
    }
    given.push((name, value));
    Ok(())
}

fn unknown(attribute: &str, known: &[&str], name: &str) -> String {
    let synonym = SYNONYMS.iter().find(|(synonym, _)| *synonym == name).map(|(_, known)| *known);
    let meant = synonym
        .filter(|meant| known.contains(meant))
        .or_else(|| nearest(&name.to_lowercase(), known));
    let remedy = match meant {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("it takes {}", list(known)),
    };
    format!("#[{attribute}] has no argument `{name}`; {remedy}")
}

/// After a mistake, goes on with the next argument, so that every mistake is found at once.
fn skip_to_comma(input: ParseStream<'_>) -> Result<(), Error> {
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<proc_macro2::TokenTree>()?;
    }
    Ok(())
}

/// `a`, `b` and `c`
fn list(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.as_slice() {
        [before @ .., last] if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        names => names.concat(),
    }
}
