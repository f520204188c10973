//! `#[instrument_endpoint]`

mod args;
mod expand;
mod valid;

use proc_macro2::TokenStream;
use syn::Error;

use self::args::Args;
use crate::errors::Errors;
use crate::function::Function;

pub(crate) const NAME: &str = "instrument_endpoint";

pub(crate) fn attribute(args: TokenStream, item: TokenStream) -> Result<TokenStream, Error> {
    let mut errors = Errors::default();
    let args = Args::parse(args, &mut errors);
    let function = errors.keep(Function::parse(NAME, item));
    valid::check(&args, &mut errors);
    let function = errors.none_or(function)?;
    Ok(function.map(|function| expand::expand(function, &args)).unwrap_or_default())
}
