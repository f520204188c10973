//! Pieces of an expansion that say what an attribute was told.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Expr, ExprLit, Lit, LitStr, Path};

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
        None => quote! { #krate::__private::Cow::Borrowed("") },
        Some(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => {
            quote! { #krate::__private::Cow::Borrowed(#text) }
        }
        Some(expression) => quote! { #krate::__private::label(&(#expression)) },
    }
}
