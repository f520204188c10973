//! `#[derive(TokenUsage)]`

mod expand;
mod fields;

use proc_macro2::TokenStream;
use syn::{DeriveInput, Error};

use self::fields::Counts;
use crate::errors::report;

pub(crate) fn derive(input: TokenStream) -> Result<TokenStream, Error> {
    let input: DeriveInput = syn::parse2(input)?;
    Ok(match Counts::read(&input) {
        Ok(counts) => expand::expand(&input, &counts),
        Err(error) => report(&error, expand::expand_nothing(&input)),
    })
}
