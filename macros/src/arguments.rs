//! Parses the arguments of an attribute: `name = value, …`.

use proc_macro2::{Ident, TokenStream};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Error, Expr, ExprLit, Lit, LitStr, Path, Token, parenthesized, token};

use crate::errors::Errors;
use crate::suggest::nearest;

/// The arguments of one attribute, as written. Each is one that the attribute has, and occurs once.
pub(crate) struct Arguments {
    given: Vec<(Ident, Value)>,
}

enum Value {
    Expression(Expr),
    Path(Path),
    /// An argument without a value.
    Flag,
    /// The tokens in the parentheses of an argument.
    List(TokenStream),
}

/// The arguments that have no value.
const FLAGS: &[&str] = &["separate"];

/// The arguments that are written with parentheses, each with an example.
const LISTS: &[(&str, &str)] = &[("objective", "objective(…)")];

impl Arguments {
    /// Parses the arguments of `#[attribute]`, which has the arguments `known`. The first one of
    /// them appears in error messages as the example.
    pub(crate) fn parse(
        attribute: &str,
        known: &[&str],
        tokens: TokenStream,
        errors: &mut Errors,
    ) -> Self {
        let mut given = Vec::new();
        let parse = |input: ParseStream<'_>| {
            while !input.is_empty() {
                if let Err(error) = parse_argument(attribute, known, input, &mut given) {
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
        let index = self.given.iter().position(|(given, _)| given == name)?;
        Some(self.given.swap_remove(index).1)
    }

    /// Takes the value of an argument that may be any expression.
    pub(crate) fn expression(&mut self, name: &str) -> Option<Expr> {
        match self.take(name)? {
            Value::Expression(expression) => Some(expression),
            Value::Path(_) | Value::Flag | Value::List(_) => None,
        }
    }

    /// Takes the value of an argument that must be a string literal.
    pub(crate) fn string(&mut self, name: &str, errors: &mut Errors) -> Option<LitStr> {
        let value = self.expression(name)?;
        match literal(&value) {
            Some(Lit::Str(text)) => Some(text.clone()),
            _ => {
                errors.at(value, format!("`{name}` needs a string literal: {name} = \"…\""));
                None
            }
        }
    }

    /// Takes an argument that has no value.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        self.take(name).is_some()
    }

    /// Takes an argument that is written with parentheses: its name, and what is in them.
    pub(crate) fn list(&mut self, name: &str) -> Option<(Ident, TokenStream)> {
        let index = self.given.iter().position(|(given, _)| given == name)?;
        match self.given.swap_remove(index) {
            (name, Value::List(tokens)) => Some((name, tokens)),
            _ => None,
        }
    }

    /// Takes the path of the crate streamgauge: the argument `crate`, or `::streamgauge`.
    pub(crate) fn crate_path(&mut self) -> Path {
        match self.take("crate") {
            Some(Value::Path(path)) => path,
            _ => default_crate_path(),
        }
    }
}

/// The literal that an expression consists of. A literal that a `macro_rules!` macro passes on
/// arrives in an invisible group.
pub(crate) fn literal(expression: &Expr) -> Option<&Lit> {
    match expression {
        Expr::Lit(ExprLit { lit, .. }) => Some(lit),
        Expr::Group(group) => literal(&group.expr),
        _ => None,
    }
}

/// The path of streamgauge if the argument `crate` is not given.
pub(crate) fn default_crate_path() -> Path {
    syn::parse_quote!(::streamgauge)
}

/// Parses the value of an argument `crate`.
pub(crate) fn parse_crate_path(input: ParseStream<'_>) -> Result<Path, Error> {
    input
        .call(Path::parse_mod_style)
        .map_err(|error| Error::new(error.span(), "`crate` needs a path: crate = my::streamgauge"))
}

/// Names that other libraries give to arguments, with ours.
const SYNONYMS: &[(&str, &str)] = &[
    ("path", "endpoint"),
    ("route", "endpoint"),
    ("uri", "endpoint"),
    ("url", "endpoint"),
    ("content_type", "media_type"),
    ("mime", "media_type"),
];

/// Arguments of one attribute that are likely to be written on another, with their attribute.
const OF_OTHER_ATTRIBUTES: &[(&str, &str)] = &[("separate", "track_tokens")];

fn parse_argument(
    attribute: &str,
    known: &[&str],
    input: ParseStream<'_>,
    given: &mut Vec<(Ident, Value)>,
) -> Result<(), Error> {
    if let Some(text) = input.fork().parse::<Option<LitStr>>()? {
        let name = name_for(&text.value(), known);
        let message = format!("arguments have names: write `{name} = {:?}`", text.value());
        return Err(Error::new_spanned(text, message));
    }
    let name = input.call(Ident::parse_any).map_err(|error| {
        Error::new(error.span(), format!("expected an argument, as in `{} = …`", known[0]))
    })?;
    if !known.iter().any(|known| name == known) {
        let message = unknown_argument(attribute, known, &name.to_string());
        return Err(Error::new_spanned(&name, message));
    }
    if let Some((_, example)) = LISTS.iter().find(|(list, _)| name == list) {
        if !input.peek(token::Paren) {
            let message = format!("`{name}` is written with parentheses: {example}");
            return Err(Error::new_spanned(&name, message));
        }
        let content;
        parenthesized!(content in input);
        return add(given, name, Value::List(content.parse()?));
    }
    let is_flag = FLAGS.iter().any(|flag| name == flag);
    let has_value = !input.is_empty() && !input.peek(Token![,]);
    if is_flag && has_value {
        let message = format!("`{name}` has no value: write `{name}` alone, or remove it");
        return Err(Error::new_spanned(&name, message));
    }
    if input.peek(Token![:]) || input.peek(token::Paren) {
        let message = format!("arguments are written with `=`: {name} = …");
        return Err(Error::new_spanned(&name, message));
    }
    let equals = input.parse::<Option<Token![=]>>()?;
    if !is_flag && (equals.is_none() || input.is_empty() || input.peek(Token![,])) {
        let message = format!("`{name}` needs a value: {name} = …");
        return Err(Error::new_spanned(&name, message));
    }
    let value = if is_flag {
        Value::Flag
    } else if name == "crate" {
        Value::Path(parse_crate_path(input)?)
    } else {
        Value::Expression(input.parse()?)
    };
    add(given, name, value)
}

fn add(given: &mut Vec<(Ident, Value)>, name: Ident, value: Value) -> Result<(), Error> {
    if given.iter().any(|(before, _)| *before == name) {
        let message = format!("`{name}` is given twice; remove one of the two");
        return Err(Error::new_spanned(&name, message));
    }
    given.push((name, value));
    Ok(())
}

/// The argument that a value without a name was probably meant for.
fn name_for<'a>(value: &str, known: &[&'a str]) -> &'a str {
    let is_known = |name: &&str| known.contains(name);
    let is_method = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_uppercase());
    let likely = match value {
        path if path.starts_with('/') => Some("endpoint"),
        _ if is_method => Some("method"),
        _ => None,
    };
    likely.filter(is_known).unwrap_or(known[0])
}

fn unknown_argument(attribute: &str, known: &[&str], name: &str) -> String {
    if let Some((_, owner)) = OF_OTHER_ATTRIBUTES.iter().find(|(other, _)| *other == name) {
        return format!(
            "#[{attribute}] has no argument `{name}`; it is an argument of #[{owner}], which may \
             annotate the same function"
        );
    }
    let synonym = SYNONYMS.iter().find(|(synonym, _)| *synonym == name).map(|(_, known)| *known);
    let meant = synonym
        .filter(|meant| known.contains(meant))
        .or_else(|| nearest(&name.to_lowercase(), known));
    let remedy = match meant {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("its arguments are {}", list(known)),
    };
    format!("#[{attribute}] has no argument `{name}`; {remedy}")
}

/// Skips the rest of a wrong argument, so that errors in the arguments after it are found too.
fn skip_to_comma(input: ParseStream<'_>) -> Result<(), Error> {
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<proc_macro2::TokenTree>()?;
    }
    Ok(())
}

/// Formats names as "`a`, `b` and `c`".
fn list(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.as_slice() {
        [before @ .., last] if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        names => names.concat(),
    }
}
