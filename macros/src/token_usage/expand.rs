//! The expansion of `#[derive(TokenUsage)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Member};

use super::Counts;

pub(super) fn expand(input: &DeriveInput, counts: &Counts) -> TokenStream {
    let Counts {
        input: tokens_in,
        output,
        cache_read,
        cache_write,
        reasoning,
        model,
        nested,
        krate,
    } = counts;
    let default = syn::parse_quote!(::streamgauge);
    let krate = krate.as_ref().unwrap_or(&default);
    let name = &input.ident;
    let (impl_generics, type_generics, bounds) = input.generics.split_for_impl();
    let count = |member: &Option<Member>| match member {
        Some(member) => quote! { #krate::__private::TokenCount::count(&self.#member) },
        None => quote! { ::core::option::Option::None },
    };
    let own = [tokens_in, output, cache_read, cache_write, reasoning].map(count);
    let model = model.as_ref().map_or_else(
        || quote! { ::core::option::Option::None },
        |member| quote! { #krate::__private::LabelText::text(&self.#member) },
    );
    quote! {
        #[automatically_derived]
        impl #impl_generics #krate::TokenUsage for #name #type_generics #bounds {
            fn token_usage(&self) -> ::core::option::Option<#krate::Usage> {
                let usage = #krate::Usage::from_counts(#(#own),*);
                #(
                    let usage = ::core::option::Option::or_else(
                        usage,
                        || #krate::TokenUsage::token_usage(&self.#nested),
                    );
                )*
                usage
            }

            fn model(&self) -> ::core::option::Option<&str> {
                let model = #model;
                #(
                    let model = ::core::option::Option::or_else(
                        model,
                        || #krate::TokenUsage::model(&self.#nested),
                    );
                )*
                model
            }
        }
    }
}
