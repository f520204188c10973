//! The expansion of `#[track_tokens]`.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::spanned::Spanned;

use super::{Args, NAME};
use crate::function::Function;
use crate::reply::{StreamForm, StreamPlace};
use crate::site::{label, located, mixed_site, optional};
use crate::wrap::{Before, wrap};

pub(super) fn expand(function: Function, args: &Args) -> TokenStream {
    let Args { endpoint, provider, model, krate } = args;
    let reply = function.outcome();
    let call = mixed_site("__call");
    let opaque_stream = StreamPlace::of(&reply).form == StreamForm::Opaque;
    let span = reply.span();
    let (name, endpoint) = (function.name(), optional(endpoint.as_ref()));
    let [provider_label, model_label] = ["__provider", "__model"].map(mixed_site);
    let provider_value = label(krate, provider.as_ref());
    let model_value = label(krate, model.as_ref());
    let labels = quote! {
        let (#provider_label, #model_label) = (#provider_value, #model_value);
    };
    let start = quote! {
        #krate::__private::start_call(
            #krate::__private::site!(#krate::__private::Site::tokens(#name, #endpoint)),
            #provider_label,
            #model_label,
        )
    };
    let before = Before {
        attribute: NAME,
        labels,
        guard: call.clone(),
        start,
        mentions: &[provider, model],
    };
    wrap(function, krate, &before, |reply| {
        let finish = if opaque_stream {
            quote! {
                #krate::__private::finish_stream_call(#call, #krate::__private::verdict!(&#reply));
            }
        } else {
            // At the return type, where a reply without usage is to be mended.
            located(span, quote! { #krate::__private::finish_call(#call, &#reply); })
        };
        quote! { #finish #reply }
    })
    .into_token_stream()
}
