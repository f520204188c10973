//! `#[derive(ExceptionType)]`

mod args;

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::ext::IdentExt;
use syn::{Data, DataEnum, DeriveInput, Error, Path};

use self::args::crate_path;
use crate::errors::report;

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
    Ok(match crate_path(&input.attrs) {
        Ok(krate) => expand(&input, &krate, &name),
        // The trait is there, so that its users are no second error.
        Err(error) => report(&error, expand(&input, &syn::parse_quote!(::streamgauge), &name)),
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
