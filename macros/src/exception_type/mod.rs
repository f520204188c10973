//! `#[derive(ExceptionType)]`

mod args;

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::ext::IdentExt;
use syn::{Attribute, Data, DataEnum, DeriveInput, Error, Path};

use self::args::crate_path;
use crate::errors::{Errors, report};

pub(crate) fn derive(input: TokenStream) -> Result<TokenStream, Error> {
    let input: DeriveInput = syn::parse2(input)?;
    let name = match &input.data {
        Data::Enum(data) => of_variants(data),
        Data::Struct(_) => text(&input.ident),
        Data::Union(_) => {
            let message = "ExceptionType is derived for enums and structs";
            return Err(Error::new_spanned(&input.ident, message));
        }
    };
    let mut errors = Errors::default();
    if let Data::Enum(data) = &input.data {
        for attribute in misplaced(data) {
            errors.at(
                attribute,
                "`#[exception_type]` stands on the type; a variant's name is its label",
            );
        }
    }
    let krate = errors.keep(crate_path(&input.attrs));
    let krate = krate.unwrap_or_else(|| syn::parse_quote!(::streamgauge));
    let expanded = expand(&input, &krate, &name);
    // The trait is there, so that its users are no second error.
    Ok(match errors.none_or(()) {
        Ok(()) => expanded,
        Err(error) => report(&error, expanded),
    })
}

fn expand(input: &DeriveInput, krate: &Path, name: &TokenStream) -> TokenStream {
    let ident = &input.ident;
    let (impl_generics, type_generics, bounds) = input.generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #impl_generics #krate::ExceptionType for #ident #type_generics #bounds {
            fn exception_type(&self) -> &'static str {
                #name
            }
        }
    }
}

/// Attributes of the derive where they mean nothing.
fn misplaced(data: &DataEnum) -> impl Iterator<Item = &Attribute> {
    let on_fields = data.variants.iter().flat_map(|variant| &variant.fields);
    let attributes = data
        .variants
        .iter()
        .map(|variant| &variant.attrs)
        .chain(on_fields.map(|field| &field.attrs));
    attributes.flatten().filter(|attribute| attribute.path().is_ident("exception_type"))
}

/// The name of the variant that a value is.
fn of_variants(data: &DataEnum) -> TokenStream {
    if data.variants.is_empty() {
        return quote! { match *self {} };
    }
    let arms = data.variants.iter().map(|variant| {
        let (ident, name) = (&variant.ident, text(&variant.ident));
        quote! { Self::#ident { .. } => #name, }
    });
    quote! { match self { #(#arms)* } }
}

fn text(ident: &Ident) -> TokenStream {
    let text = ident.unraw().to_string();
    quote! { #text }
}
