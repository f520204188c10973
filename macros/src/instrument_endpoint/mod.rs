//! `#[instrument_endpoint]`

mod args;
mod expand;

use proc_macro2::TokenStream;
use syn::Error;

use self::args::Args;
use crate::function::Function;

pub(crate) const NAME: &str = "instrument_endpoint";

pub(crate) fn attribute(args: TokenStream, item: TokenStream) -> Result<TokenStream, Error> {
    let function = Function::parse(NAME, item)?;
    let args = Args::parse(args)?;
    Ok(expand::expand(function, &args))
}
