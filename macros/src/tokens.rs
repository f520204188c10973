//! Helpers for token streams: hygiene, source locations, identifiers.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};

/// An identifier that the user's code cannot see or shadow.
pub(crate) fn hygienic(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

/// Moves generated tokens to the source location of `place`, where the compiler then reports errors
/// in them. Names in them still resolve as at the place where they were generated.
pub(crate) fn located_at(place: Span, tokens: TokenStream) -> TokenStream {
    let locate = |token| match token {
        TokenTree::Group(group) => {
            let mut located = Group::new(group.delimiter(), located_at(place, group.stream()));
            located.set_span(group.span().located_at(place));
            TokenTree::Group(located)
        }
        mut token => {
            token.set_span(token.span().located_at(place));
            token
        }
    };
    tokens.into_iter().map(locate).collect()
}

/// An expression of the type `Option`.
pub(crate) fn option(value: Option<impl ToTokens>) -> TokenStream {
    match value {
        Some(value) => quote! { ::core::option::Option::Some(#value) },
        None => quote! { ::core::option::Option::None },
    }
}

/// All identifiers in `tokens`, except those of fields and methods.
pub(crate) fn identifiers_in(tokens: TokenStream) -> Vec<String> {
    let mut identifiers = Vec::new();
    let mut after_dot = false;
    for token in tokens {
        match &token {
            TokenTree::Ident(name) if !after_dot => identifiers.push(name.to_string()),
            TokenTree::Group(group) => identifiers.extend(identifiers_in(group.stream())),
            _ => {}
        }
        after_dot = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '.');
    }
    identifiers
}
