//! Parses the annotated function.
//!
//! Its attributes and signature are parsed, its body stays a group of tokens. Parsing the body
//! would take time, and printing it again would lose the invisible groups that `macro_rules!`
//! macros put into it.

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::{AttrStyle, Attribute, Error, Path, Signature, Token, Visibility};

use crate::return_type::ReturnType;

/// A function with a body.
pub(crate) struct Function {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) signature: Signature,
    pub(crate) body: Group,
    /// The return type in the signature, classified.
    pub(crate) returns: ReturnType,
}

impl Function {
    /// Parses the item under `#[attribute]`.
    pub(crate) fn parse(attribute: &str, item: TokenStream) -> Result<Self, Error> {
        let parse = |input: ParseStream<'_>| Self::parse_from(attribute, input);
        parse.parse2(item)
    }

    fn parse_from(attribute: &str, input: ParseStream<'_>) -> Result<Self, Error> {
        let mut attributes = input.call(Attribute::parse_outer)?;
        if let Some(again) =
            attributes.iter().find(|other| names_attribute(attribute, other.path()))
        {
            let message =
                format!("#[{attribute}] is on this function twice; remove one of the two");
            return Err(Error::new_spanned(again, message));
        }
        let visibility = input.parse()?;
        let start = input.fork();
        let signature: Signature =
            input.parse().map_err(|error| not_a_function(attribute, &start, &error))?;
        if let Some(constness) = &signature.constness {
            let message = format!(
                "#[{attribute}] cannot record in a `const fn`, which may run at compile time; \
                 remove the `const`"
            );
            return Err(Error::new_spanned(constness, message));
        }
        if input.peek(Token![;]) {
            let message = format!(
                "#[{attribute}] needs a function with a body; put it on the implementation"
            );
            return Err(Error::new_spanned(&signature, message));
        }
        let body = brace_group(input.parse()?)?;
        let body = lift_inner_attributes(body, &mut attributes)?;
        let returns = ReturnType::classify(&signature);
        Ok(Self { attributes, visibility, signature, body, returns })
    }

    /// The function's name, without `r#`.
    pub(crate) fn name(&self) -> String {
        self.signature.ident.unraw().to_string()
    }

    /// The tokens that an error about a missing reply points at: the type of the reply, or the
    /// function's name if no return type is written.
    pub(crate) fn reply_tokens(&self) -> TokenStream {
        match &self.signature.output {
            syn::ReturnType::Default => self.signature.ident.to_token_stream(),
            syn::ReturnType::Type(..) => self.returns.output.to_token_stream(),
        }
    }
}

impl ToTokens for Function {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self { attributes, visibility, signature, body, .. } = self;
        tokens.extend(quote! { #(#attributes)* #visibility #signature #body });
    }
}

/// Whether a path names an attribute of this crate.
fn names_attribute(attribute: &str, path: &Path) -> bool {
    let qualifier = path.segments.iter().rev().nth(1);
    path.segments.last().is_some_and(|last| last.ident == attribute)
        && qualifier.is_none_or(|qualifier| qualifier.ident == "streamgauge")
}

/// The error for an item that does not parse as a function.
fn not_a_function(attribute: &str, item: ParseStream<'_>, error: &Error) -> Error {
    let rule = format!("#[{attribute}] can only annotate a function");
    let keyword: Result<Ident, _> =
        item.step(|cursor| cursor.ident().ok_or_else(|| cursor.error("")));
    let Ok(keyword) = keyword else { return Error::new(error.span(), rule) };
    let (kind, remedy) = match keyword.to_string().as_str() {
        "struct" => ("a struct", ""),
        "enum" => ("an enum", ""),
        "union" => ("a union", ""),
        "impl" => ("an `impl` block", "; put it on the functions in the block"),
        "trait" => ("a trait", "; put it on the functions in the trait"),
        "mod" => ("a module", "; put it on the functions in the module"),
        "use" => ("an import", "; put it on the definition of the function"),
        "const" => ("a constant", ""),
        "static" => ("a static", ""),
        "type" => ("a type alias", ""),
        _ => return Error::new(error.span(), rule),
    };
    Error::new_spanned(keyword, format!("{rule}, and this is {kind}{remedy}"))
}

/// The braces of a body. They arrive in an invisible group if a `macro_rules!` macro passes the
/// body on as a `block`.
fn brace_group(body: TokenTree) -> Result<Group, Error> {
    match body {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Ok(group),
        TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
            brace_group(syn::parse2(group.stream())?)
        }
        other => Err(Error::new_spanned(other, "expected the body of the function, in braces")),
    }
}

/// Moves inner attributes (`#![…]`) from the body to the function. The body becomes an inner block,
/// in which they are not allowed.
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
