//! `#[derive(TokenUsage)]`: reads the usage of a reply from its fields.

mod fields;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::{DeriveInput, Error, Generics};

use self::fields::{Field, Fields};
use crate::arguments::default_crate_path;
use crate::errors::report;
use crate::tokens::{hygienic, identifiers_in, located_at};

/// Expands the derive.
pub(crate) fn derive(input: TokenStream) -> Result<TokenStream, Error> {
    let input: DeriveInput = syn::parse2(input)?;
    Ok(match Fields::parse(&input) {
        Ok(fields) => expand(&input, &fields),
        Err(error) => report(&error, expand_placeholder(&input)),
    })
}

/// The paths of the traits that the types of fields implement.
struct Traits {
    count: TokenStream,
    text: TokenStream,
    usage: TokenStream,
}

fn expand(input: &DeriveInput, fields: &Fields) -> TokenStream {
    let krate = fields.krate.clone().unwrap_or_else(default_crate_path);
    let traits = Traits {
        count: quote! { #krate::__private::TokenCount },
        text: quote! { #krate::__private::LabelText },
        usage: quote! { #krate::TokenUsage },
    };
    let count = |field: &Field| call(field, &traits.count, &quote! { count });
    let counts = fields.usage_counts().map(|(variant, field)| {
        let (variant, count) = (hygienic(variant), count(field));
        quote! { (#krate::__private::UsageCount::#variant, #count) }
    });
    let uncached = fields.uncached.iter().map(count);
    let model = fields.model.as_ref();
    let model = model.map_or_else(none, |field| call(field, &traits.text, &quote! { text }));
    let usage = |field: &Field| call(field, &traits.usage, &quote! { token_usage });
    let parts = fields.flatten.iter().map(usage);
    let nested = fields.nested.iter().map(usage);
    let models = fields.flatten.iter().chain(&fields.nested);
    let models = models.map(|field| call(field, &traits.usage, &quote! { model }));
    let name = &input.ident;
    let generics = with_bounds(&input.generics, fields, &traits);
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #impl_generics #krate::TokenUsage for #name #type_generics #where_clause {
            fn token_usage(&self) -> ::core::option::Option<#krate::Usage> {
                let usage = #krate::__private::usage_from_counts([#(#counts),*]);
                #( let usage = #krate::__private::usage_with_part(usage, #parts); )*
                #( let usage = #krate::__private::usage_with_uncached(usage, #uncached); )*
                #( let usage = ::core::option::Option::or_else(usage, || #nested); )*
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

/// An implementation for a struct with errors, so that code that uses the trait does not fail to
/// compile as well.
fn expand_placeholder(input: &DeriveInput) -> TokenStream {
    let krate = default_crate_path();
    let name = &input.ident;
    let (impl_generics, type_generics, where_clause) = input.generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #impl_generics #krate::TokenUsage for #name #type_generics #where_clause {
            fn token_usage(&self) -> ::core::option::Option<#krate::Usage> {
                ::core::option::Option::None
            }
        }
    }
}

fn none() -> TokenStream {
    quote! { ::core::option::Option::None }
}

/// A call of a trait's method with a field. If the field's type does not implement the trait, the
/// compiler's error points at that type.
fn call(field: &Field, of_trait: &TokenStream, method: &TokenStream) -> TokenStream {
    let Field { member, ty } = field;
    located_at(ty.span(), quote! { #of_trait::#method(&self.#member) })
}

/// The struct's generics with a bound for each marked field whose type depends on them.
fn with_bounds(generics: &Generics, fields: &Fields, traits: &Traits) -> Generics {
    let Fields { model, flatten, nested, .. } = fields;
    let bounds = fields
        .counts()
        .map(|field| (field, &traits.count))
        .chain(model.iter().map(|field| (field, &traits.text)))
        .chain(flatten.iter().chain(nested).map(|field| (field, &traits.usage)));
    let mut bounded = generics.clone();
    for (Field { ty, .. }, of_trait) in bounds {
        let names = identifiers_in(ty.to_token_stream());
        let is_generic = generics
            .type_params()
            .any(|parameter| names.iter().any(|name| parameter.ident == name));
        if is_generic {
            bounded.make_where_clause().predicates.push(syn::parse_quote!(#ty: #of_trait));
        }
    }
    bounded
}
