//! The expansion of `#[track_tokens]`.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::Type;
use syn::spanned::Spanned;

use super::{Args, NAME};
use crate::function::Function;
use crate::protocol;
use crate::reply::{StreamForm, StreamPlace};
use crate::site::{label, located, mixed_site, optional, position};
use crate::wrap::{Before, wrap};

pub(super) fn expand(function: Function, args: &Args) -> TokenStream {
    let Args { endpoint, provider, model, krate, .. } = args;
    let reply = function.outcome();
    let call = mixed_site("__call");
    let (name, endpoint) = (function.name(), optional(endpoint.as_ref()));
    let position = position(&function.signature.ident);
    let [provider_label, model_label] = ["__provider", "__model"].map(mixed_site);
    let provider_value = label(krate, provider.as_ref());
    let model_value = label(krate, model.as_ref());
    let labels = quote! {
        let (#provider_label, #model_label) = (#provider_value, #model_value);
    };
    let protocol = protocol::expand(krate, args.protocol.as_ref());
    let start = quote! {
        #krate::__private::start_call(
            #krate::__private::site!(
                #krate::__private::Site::tokens(#name, #endpoint, #protocol)#position
            ),
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
    let place = StreamPlace::of(&reply);
    let after = |name: &Ident| match args.protocol {
        Some(_) => read(args, &place, &call, name),
        None => finish(args, &place, &reply, &call, name),
    };
    wrap(function, krate, &before, after).into_token_stream()
}

/// Takes the usage from a reply that carries it.
fn finish(
    args: &Args,
    place: &StreamPlace<'_>,
    ty: &Type,
    call: &Ident,
    reply: &Ident,
) -> TokenStream {
    let krate = &args.krate;
    let finish = if place.form == StreamForm::Opaque {
        quote! {
            #krate::__private::finish_stream_call(#call, #krate::__private::verdict!(&#reply));
        }
    } else {
        // At the return type, where a reply without usage is to be mended.
        located(ty.span(), quote! { #krate::__private::finish_call(#call, &#reply); })
    };
    quote! { #finish #reply }
}

/// Lets the reply be read as its bytes pass.
fn read(args: &Args, place: &StreamPlace<'_>, call: &Ident, reply: &Ident) -> TokenStream {
    let private = {
        let krate = &args.krate;
        quote! { #krate::__private }
    };
    let read = match place.form {
        StreamForm::Opaque => quote! { #private::read_stream },
        StreamForm::OpaqueResponse => quote! { #private::read_sent },
        StreamForm::Concrete => quote! { #private::read },
    };
    // At the return type, where a reply that cannot be read is to be mended.
    let span = place.ty.span();
    if place.in_result {
        let [call_again, reply_again] = ["__call_again", "__reply_again"].map(mixed_site);
        let read = located(span, quote! { #read(#call_again, #reply_again) });
        quote! { #private::read_ok(#call, #reply, |#call_again, #reply_again| #read) }
    } else {
        located(span, quote! { #read(#call, #reply) })
    }
}
