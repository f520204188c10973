//! The expansion of `#[instrument_endpoint]`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};

use super::valid::variant;
use super::{Args, NAME};
use crate::function::Function;
use crate::site::{mixed_site, optional};
use crate::wrap::{Before, wrap};

pub(super) fn expand(function: Function, args: &Args) -> TokenStream {
    let Args { endpoint, method, krate } = args;
    let method = method.as_ref().and_then(variant).unwrap_or("Unknown");
    let method = Ident::new(method, Span::mixed_site());
    let guard = mixed_site("__guard");
    let (name, endpoint) = (function.name(), optional(endpoint.as_ref()));
    let start = quote! {
        #krate::__private::start(#krate::__private::site!(
            #krate::__private::Site::requests(#name, #endpoint, #krate::__private::Method::#method)
        ))
    };
    let before = Before {
        attribute: NAME,
        labels: TokenStream::new(),
        guard: guard.clone(),
        start,
        mentions: &[],
    };
    wrap(function, krate, &before, |reply| {
        quote! {
            #krate::__private::finish(#guard, #krate::__private::verdict!(&#reply));
            #reply
        }
    })
    .into_token_stream()
}
