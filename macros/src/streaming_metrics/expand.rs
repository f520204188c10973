//! The expansion of `#[streaming_metrics]`.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::{ReturnType, Signature, Type};

use super::{Args, NAME};
use crate::function::Function;
use crate::future::ReturnedFuture;
use crate::protocol;
use crate::reply::{StreamForm, StreamPlace, replace_stream, stream_bound};
use crate::site::{label, located, mixed_site, optional, position};
use crate::wrap::{Before, has_impl_trait, wrap};

pub(super) fn expand(function: Function, args: &Args) -> TokenStream {
    let Args { endpoint, media_type, protocol, provider, model, krate } = args;
    let reply = function.outcome();
    let [start, provider_label, model_label] = ["__start", "__provider", "__model"].map(mixed_site);
    let StreamPlace { in_result, form, ty } = StreamPlace::of(&reply);
    let span = ty.span();
    let (name, endpoint) = (function.name(), optional(endpoint.as_ref()));
    let declared = stream_bound(ty).filter(|(_, item)| !has_impl_trait(item));
    // A response says nothing of its items, so that the body must hear their type here.
    let item = declared.as_ref().map(|(_, item)| quote! { ::<#item, _> });
    // Nor does it mention the trait, whose import would then be unused.
    let mention = declared.filter(|_| media_type.is_some()).map(|(bound, _)| {
        quote! { let _ = ::core::marker::PhantomData::<dyn #bound>; }
    });
    let position = position(&function.signature.ident);
    let provider_value = label(krate, provider.as_ref());
    let model_value = label(krate, model.as_ref());
    let labels = quote! {
        let (#provider_label, #model_label) = (#provider_value, #model_value);
        #mention
    };
    let protocol = protocol::expand(krate, protocol.as_ref());
    let open = quote! {
        #krate::__private::StreamStart::new(
            #krate::__private::site!(
                #krate::__private::Site::streams(#name, #endpoint, #protocol)#position
            ),
            #provider_label,
            #model_label,
        )
    };
    let before = Before {
        attribute: NAME,
        labels,
        guard: start.clone(),
        start: open,
        mentions: &[provider, model],
    };
    let private = quote! { #krate::__private };
    // At the return type, where a reply that cannot be metered is to be mended.
    let at_reply = |tokens| located(span, tokens);
    let meter = |stream: &Ident| match (media_type, form) {
        (Some(media_type), _) => {
            let respond = at_reply(quote! { #private::respond });
            let arguments = at_reply(quote! { (&#start, #media_type, #stream) });
            quote! { #respond #item #arguments }
        }
        (None, StreamForm::Opaque) => at_reply(quote! { #private::stream(&#start, #stream) }),
        (None, StreamForm::OpaqueResponse) => at_reply(quote! { #private::mark(&#start, #stream) }),
        (None, StreamForm::Concrete) => at_reply(quote! { #private::meter(&#start, #stream) }),
    };
    let mut wrapped = wrap(function, krate, &before, |reply| {
        if in_result {
            let stream = mixed_site("__stream");
            let metered = meter(&stream);
            quote! { ::core::result::Result::map(#reply, |#stream| #metered) }
        } else {
            meter(reply)
        }
    });
    if media_type.is_some() {
        let response = syn::parse_quote!(#krate::__private::Response);
        replace_returned_stream(&mut wrapped.signature, response);
    }
    wrapped.into_token_stream()
}

/// Replaces the stream in a function's return type, or in the output of the future that it returns.
fn replace_returned_stream(signature: &mut Signature, with: Type) {
    let ReturnType::Type(_, reply) = &mut signature.output else { return };
    match ReturnedFuture::of(reply) {
        Some(future) if signature.asyncness.is_none() => replace_stream(future.output, with),
        _ => replace_stream(reply, with),
    }
}
