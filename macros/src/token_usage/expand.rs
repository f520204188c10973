//! The expansion of `#[derive(TokenUsage)]`.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::{DeriveInput, Generics, Path};

use super::Counts;
use super::fields::Field;
use crate::body::names_in;
use crate::site::located;

/// The traits by which a field is asked, below the crate's path.
struct Traits {
    count: TokenStream,
    text: TokenStream,
    usage: TokenStream,
}

pub(super) fn expand(input: &DeriveInput, counts: &Counts) -> TokenStream {
    let krate = crate_path(counts.krate.as_ref());
    let traits = Traits {
        count: quote! { #krate::__private::TokenCount },
        text: quote! { #krate::__private::LabelText },
        usage: quote! { #krate::TokenUsage },
    };
    let number = |field: &Option<Field>| {
        field.as_ref().map_or_else(none, |field| ask(field, &traits.count, &quote! { count }))
    };
    let Counts { input: tokens_in, output, cache_read, cache_write, reasoning, .. } = counts;
    let own = [tokens_in, output, cache_read, cache_write, reasoning].map(number);
    let uncached = counts.uncached.iter().map(|field| ask(field, &traits.count, &quote! { count }));
    let model = &counts.model;
    let model =
        model.as_ref().map_or_else(none, |field| ask(field, &traits.text, &quote! { text }));
    let usage_of = |field| ask(field, &traits.usage, &quote! { token_usage });
    let parts = counts.flatten.iter().map(usage_of);
    let usages = counts.nested.iter().map(usage_of);
    let models = counts.flatten.iter().chain(&counts.nested);
    let models = models.map(|field| ask(field, &traits.usage, &quote! { model }));
    let name = &input.ident;
    let generics = bounded(&input.generics, counts, &traits);
    let (impl_generics, type_generics, bounds) = generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #impl_generics #krate::TokenUsage for #name #type_generics #bounds {
            fn token_usage(&self) -> ::core::option::Option<#krate::Usage> {
                let usage = #krate::Usage::from_counts(#(#own),*);
                #( let usage = #krate::Usage::with_part(usage, #parts); )*
                #( let usage = #krate::Usage::with_uncached(usage, #uncached); )*
                #( let usage = ::core::option::Option::or_else(usage, || #usages); )*
                usage
            }

            fn model(&self) -> ::core::option::Option<&str> {
                let model = #model;
                #( let model = ::core::option::Option::or_else(model, || #models); )*
                model
            }
        }
    }
}

/// In the place of what could not be derived: the trait is there, so that its users are no second error.
pub(super) fn expand_nothing(input: &DeriveInput) -> TokenStream {
    let krate = crate_path(None);
    let name = &input.ident;
    let (impl_generics, type_generics, bounds) = input.generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #impl_generics #krate::TokenUsage for #name #type_generics #bounds {
            fn token_usage(&self) -> ::core::option::Option<#krate::Usage> {
                ::core::option::Option::None
            }
        }
    }
}

fn crate_path(given: Option<&Path>) -> Path {
    given.cloned().unwrap_or_else(|| syn::parse_quote!(::streamgauge))
}

fn none() -> TokenStream {
    quote! { ::core::option::Option::None }
}

/// One field, asked by a trait. A type that does not have the trait is to be mended where it is written.
fn ask(field: &Field, by: &TokenStream, method: &TokenStream) -> TokenStream {
    let Field { member, ty } = field;
    located(ty.span(), quote! { #by::#method(&self.#member) })
}

/// The struct's generics, with a bound for each field whose type depends on them.
fn bounded(generics: &Generics, counts: &Counts, traits: &Traits) -> Generics {
    let Counts { model, flatten, nested, .. } = counts;
    let needs = counts
        .numbers()
        .map(|field| (field, &traits.count))
        .chain(model.iter().map(|field| (field, &traits.text)))
        .chain(flatten.iter().chain(nested).map(|field| (field, &traits.usage)));
    let mut bounded = generics.clone();
    for (Field { ty, .. }, by) in needs {
        let names = names_in(ty.to_token_stream());
        if generics.type_params().any(|parameter| names.iter().any(|name| parameter.ident == name))
        {
            bounded.make_where_clause().predicates.push(syn::parse_quote!(#ty: #by));
        }
    }
    bounded
}
