//! `#[streaming_metrics]`

mod args;
mod expand;

use proc_macro2::TokenStream;
use syn::Error;

use self::args::Args;
use crate::function::Function;

pub(crate) const NAME: &str = "streaming_metrics";

pub(crate) fn attribute(args: TokenStream, item: TokenStream) -> Result<TokenStream, Error> {
    let function = Function::parse(NAME, item)?;
    let args = Args::parse(args)?;
    expand::expand(function, &args)
}
