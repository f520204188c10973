//! The annotated function: its attributes and signature are parsed, its body never is.
//!
//! A body that is parsed and printed again loses the invisible groups that `macro_rules!` put into it,
//! and costs time. It stays the group of tokens that it is.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::{Parse, ParseStream, Parser};
use syn::{AttrStyle, Attribute, Error, ReturnType, Signature, Token, Type, Visibility};

use crate::future::ReturnedFuture;
use crate::reply::bare;

/// A function with a body.
pub(crate) struct Function {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) signature: Signature,
    pub(crate) body: Group,
    /// What a call comes to: the type returned, or the output of the future returned. `None` where no
    /// type is written.
    pub(crate) outcome: Option<Type>,
}

impl Function {
    /// Reads the item that `attribute` stands on.
    pub(crate) fn parse(attribute: &str, item: TokenStream) -> Result<Self, Error> {
        let parse = |input: ParseStream<'_>| Self::parse_from(attribute, input);
        parse.parse2(item)
    }

    fn parse_from(attribute: &str, input: ParseStream<'_>) -> Result<Self, Error> {
        let mut attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        let not_a_function = |mut error: Error| -> Error {
            error = Error::new(error.span(), format!("#[{attribute}] annotates functions"));
            error
        };
        let signature: Signature = input.parse().map_err(not_a_function)?;
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
        let outcome = outcome(&signature);
        Ok(Self { attributes, visibility, signature, body, outcome })
    }

    /// The function's name, as a label says it.
    pub(crate) fn name(&self) -> String {
        let name = self.signature.ident.to_string();
        name.strip_prefix("r#").map_or(name.clone(), str::to_owned)
    }

    /// Whether the function is declared never to return.
    pub(crate) fn never_returns(&self) -> bool {
        matches!(self.outcome.as_ref().map(bare), Some(Type::Never(_)))
    }
}

fn outcome(signature: &Signature) -> Option<Type> {
    let ReturnType::Type(_, reply) = &signature.output else { return None };
    let mut reply = (**reply).clone();
    if signature.asyncness.is_some() {
        return Some(reply);
    }
    match ReturnedFuture::of(&mut reply) {
        Some(future) => Some(future.output.clone()),
        None => Some(reply),
    }
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
