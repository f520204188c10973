//! Pieces of an expansion: what an attribute was told, and where its errors belong.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, ExprLit, Lit, LitStr, Path};

/// A name of our own in the user's function.
pub(crate) fn mixed_site(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

/// The call `.at(line, column)` on a call site: the position of the function's name in the source,
/// by which attributes of one function recognise each other.
///
/// The position comes from `line!` and `column!` at the span of the name, because the methods of
/// `proc_macro::Span` that return it need Rust 1.88. For a name that stands in the body of a
/// `macro_rules!` macro it is the position of the macro's invocation. So two functions of one name
/// that one invocation declares in two blocks of the same function are taken for one.
pub(crate) fn position(name: &Ident) -> TokenStream {
    quote_spanned! { name.span() => .at(::core::line!(), ::core::column!()) }
}

/// An optional literal, as an `Option`.
pub(crate) fn optional(text: Option<&LitStr>) -> TokenStream {
    match text {
        Some(text) => quote! { ::core::option::Option::Some(#text) },
        None => quote! { ::core::option::Option::None },
    }
}

/// A label value: a literal as it stands, any other expression by what it is when the function is
/// called, and nothing for what is not known.
pub(crate) fn label(krate: &Path, value: Option<&Expr>) -> TokenStream {
    match value {
        None => quote! { #krate::__private::Label::Static("") },
        Some(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => {
            quote! { #krate::__private::Label::Static(#text) }
        }
        Some(expression) => {
            // At the expression, where one that is no text is to be mended.
            let place = expression.span();
            let [value, borrow] = [quote! { #krate::__private::label }, quote! { & }]
                .map(|tokens| located(place, tokens));
            let grouped = |tokens| {
                let mut group = Group::new(Delimiter::Parenthesis, tokens);
                group.set_span(Span::mixed_site().located_at(place));
                group
            };
            let expression = grouped(quote! { #expression });
            let arguments = grouped(quote! { #borrow #expression });
            quote! { #value #arguments }
        }
    }
}

/// The same tokens, meaning the same, but standing where `place` is: what the compiler has to say of
/// them it says there.
pub(crate) fn located(place: Span, tokens: TokenStream) -> TokenStream {
    let locate = |token| match token {
        TokenTree::Group(group) => {
            let mut located = Group::new(group.delimiter(), located(place, group.stream()));
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
