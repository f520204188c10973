//! The annotated function: its attributes and signature are parsed, its body never is.
//!
//! A body that is parsed and printed again loses the invisible groups that `macro_rules!` put into it,
//! and costs time. It stays the group of tokens that it is.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::{Parse, ParseStream, Parser};
use syn::{AttrStyle, Attribute, Error, Path, ReturnType, Signature, Token, Type, Visibility};

use crate::future::ReturnedFuture;
use crate::reply::bare;

/// A function with a body.
pub(crate) struct Function {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) signature: Signature,
    pub(crate) body: Group,
}

impl Function {
    /// Reads the item that `attribute` stands on.
    pub(crate) fn parse(attribute: &str, item: TokenStream) -> Result<Self, Error> {
        let parse = |input: ParseStream<'_>| Self::parse_from(attribute, input);
        parse.parse2(item)
    }

    fn parse_from(attribute: &str, input: ParseStream<'_>) -> Result<Self, Error> {
        let mut attributes = input.call(Attribute::parse_outer)?;
        if let Some(again) = attributes.iter().find(|other| is_ours(attribute, other.path())) {
            let message = format!("#[{attribute}] is there twice; once is enough");
            return Err(Error::new_spanned(again, message));
        }
        let visibility = input.parse()?;
        let start = input.fork();
        let signature: Signature =
            input.parse().map_err(|error| not_a_function(attribute, &start, &error))?;
        if let Some(constness) = &signature.constness {
            let message =
                format!("#[{attribute}] cannot record in a `const fn`: it has no runtime");
            return Err(Error::new_spanned(constness, message));
        }
        if input.peek(Token![;]) {
            let message = format!(
                "#[{attribute}] needs a function with a body; put it on the implementation"
            );
            return Err(Error::new_spanned(&signature, message));
        }
        let body = innermost(input.parse()?)?;
        let body = lift_inner_attributes(body, &mut attributes)?;
        Ok(Self { attributes, visibility, signature, body })
    }

    /// The function's name, as a label says it.
    pub(crate) fn name(&self) -> String {
        let name = self.signature.ident.to_string();
        name.strip_prefix("r#").map_or(name.clone(), str::to_owned)
    }

    /// What a call comes to: the type returned, or the output of the future returned.
    pub(crate) fn outcome(&self) -> Type {
        let mut reply = match &self.signature.output {
            ReturnType::Default => return syn::parse_quote!(()),
            ReturnType::Type(_, reply) => (**reply).clone(),
        };
        if self.signature.asyncness.is_none() {
            if let Some(future) = ReturnedFuture::of(&mut reply) {
                return future.output.clone();
            }
        }
        reply
    }

    /// The return type of a function that never returns.
    pub(crate) fn never_returns(&self) -> Option<Type> {
        Some(self.outcome()).filter(|outcome| matches!(bare(outcome), Type::Never(_)))
    }

    /// What says that a function returns nothing: its return type, or its name where it has none.
    pub(crate) fn returns_nothing(&self) -> Option<TokenStream> {
        if matches!(self.signature.output, ReturnType::Default) {
            return Some(self.signature.ident.to_token_stream());
        }
        let outcome = self.outcome();
        let is_unit = matches!(bare(&outcome), Type::Tuple(tuple) if tuple.elems.is_empty());
        is_unit.then(|| outcome.into_token_stream())
    }
}

/// Whether a path names the attribute, as far as a path shows.
fn is_ours(attribute: &str, path: &Path) -> bool {
    let crate_or_none = path.segments.iter().rev().nth(1);
    path.segments.last().is_some_and(|last| last.ident == attribute)
        && crate_or_none.is_none_or(|name| name.ident == "streamgauge")
}

/// Says what an attribute stands on, where that is no function.
fn not_a_function(attribute: &str, item: ParseStream<'_>, error: &Error) -> Error {
    let word = item.step(|cursor| cursor.ident().ok_or_else(|| cursor.error("")));
    let Ok(word) = word else { return Error::new(error.span(), annotates(attribute)) };
    let (kind, remedy) = match word.to_string().as_str() {
        "struct" => ("a struct", None),
        "enum" => ("an enum", None),
        "union" => ("a union", None),
        "impl" => ("an `impl` block", Some("put it on the functions in there")),
        "trait" => ("a trait", Some("put it on the functions in there")),
        "mod" => ("a module", Some("put it on the functions in there")),
        "use" => ("an import", Some("put it where the function is defined")),
        "const" => ("a constant", None),
        "static" => ("a static", None),
        "type" => ("a type alias", None),
        _ => return Error::new(error.span(), annotates(attribute)),
    };
    let remedy = remedy.map_or_else(String::new, |remedy| format!("; {remedy}"));
    Error::new_spanned(word, format!("{}, and this is {kind}{remedy}", annotates(attribute)))
}

fn annotates(attribute: &str) -> String {
    format!("#[{attribute}] annotates functions")
}

/// The braces of a body, which reach an attribute inside an invisible group where a `macro_rules!`
/// macro was given the body as a `block`.
fn innermost(body: TokenTree) -> Result<Group, Error> {
    match body {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Ok(group),
        TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
            innermost(syn::parse2(group.stream())?)
        }
        other => Err(Error::new_spanned(other, "expected the function's body")),
    }
}

/// Inner attributes belong to the function; its body is about to become an inner block, where they
/// may not stand.
fn lift_inner_attributes(body: Group, attributes: &mut Vec<Attribute>) -> Result<Group, Error> {
    let mut start = body.stream().into_iter().map(|token| token.to_string());
    if start.next().as_deref() != Some("#") || start.next().as_deref() != Some("!") {
        return Ok(body);
    }
    let split = |input: ParseStream<'_>| {
        Ok((input.call(Attribute::parse_inner)?, TokenStream::parse(input)?))
    };
    let (inner, rest) = split.parse2(body.stream())?;
    attributes.extend(inner.into_iter().map(|mut attribute| {
        attribute.style = AttrStyle::Outer;
        attribute
    }));
    let mut stripped = Group::new(Delimiter::Brace, rest);
    stripped.set_span(body.span());
    Ok(stripped)
}

impl ToTokens for Function {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        for attribute in &self.attributes {
            attribute.to_tokens(tokens);
        }
        self.visibility.to_tokens(tokens);
        self.signature.to_tokens(tokens);
        self.body.to_tokens(tokens);
    }
}
