//! `#[derive(TokenUsage)]`

mod expand;
mod fields;

use proc_macro2::TokenStream;
use syn::{DeriveInput, Error};

use self::fields::Counts;

pub(crate) fn derive(input: TokenStream) -> Result<TokenStream, Error> {
    let input: DeriveInput = syn::parse2(input)?;
    let counts = Counts::read(&input)?;
    Ok(expand::expand(&input, &counts))
}
