//! `#[derive(ExceptionType)]`: names the variants of an error type.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::ext::IdentExt;
use syn::{Attribute, Data, DataEnum, DeriveInput, Error, Path};

use crate::arguments::{default_crate_path, parse_crate_path};
use crate::errors::{Errors, report};

/// Expands the derive.
///
/// The trait is implemented even if there are errors, so that code that uses it does not fail to
/// compile as well.
pub(crate) fn derive(input: TokenStream) -> Result<TokenStream, Error> {
    let input: DeriveInput = syn::parse2(input)?;
    let name = match &input.data {
        Data::Enum(data) => variant_name(data),
        Data::Struct(_) => name_literal(&input.ident),
        Data::Union(_) => {
            let message = "`ExceptionType` can only be derived for enums and structs; implement \
                           the trait by hand";
            return Err(Error::new_spanned(&input.ident, message));
        }
    };
    let mut errors = Errors::default();
    if let Data::Enum(data) = &input.data {
        for attribute in inner_attributes(data) {
            let message = "`#[exception_type]` belongs on the enum; a variant is always recorded \
                           under its own name";
            errors.at(attribute, message);
        }
    }
    let krate = errors.keep(crate_path(&input.attrs)).unwrap_or_else(default_crate_path);
    let expanded = expand(&input, &krate, &name);
    Ok(match errors.finish() {
        Ok(()) => expanded,
        Err(error) => report(&error, expanded),
    })
}

/// The path of streamgauge from `#[exception_type(crate = …)]`.
fn crate_path(attributes: &[Attribute]) -> Result<Path, Error> {
    let mut krate = default_crate_path();
    for attribute in attributes.iter().filter(|attribute| is_ours(attribute)) {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("crate") {
                let message = "the only argument is `crate`: #[exception_type(crate = path)]";
                return Err(meta.error(message));
            }
            krate = parse_crate_path(meta.value()?)?;
            Ok(())
        })?;
    }
    Ok(krate)
}

fn is_ours(attribute: &Attribute) -> bool {
    attribute.path().is_ident("exception_type")
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

/// The attributes of the derive on variants and fields, where they are not allowed.
fn inner_attributes(data: &DataEnum) -> impl Iterator<Item = &Attribute> {
    let on_fields = data.variants.iter().flat_map(|variant| &variant.fields);
    let attributes = data
        .variants
        .iter()
        .map(|variant| &variant.attrs)
        .chain(on_fields.map(|field| &field.attrs));
    attributes.flatten().filter(|attribute| is_ours(attribute))
}

/// An expression for the name of the variant that `self` is.
fn variant_name(data: &DataEnum) -> TokenStream {
    if data.variants.is_empty() {
        return quote! { match *self {} };
    }
    let arms = data.variants.iter().map(|variant| {
        let (ident, name) = (&variant.ident, name_literal(&variant.ident));
        quote! { Self::#ident { .. } => #name, }
    });
    quote! { match self { #(#arms)* } }
}

/// A name without `r#`, as a string literal.
fn name_literal(ident: &Ident) -> TokenStream {
    let name = ident.unraw().to_string();
    quote! { #name }
}
