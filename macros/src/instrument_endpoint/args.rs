//! The arguments of `#[instrument_endpoint]`.

use proc_macro2::TokenStream;
use syn::{LitStr, Path};

use crate::arguments::Arguments;
use crate::errors::Errors;

pub(super) struct Args {
    pub(super) endpoint: Option<LitStr>,
    pub(super) method: Option<LitStr>,
    pub(super) krate: Path,
}

impl Args {
    pub(super) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let known = &["endpoint", "method", "crate"];
        let mut given = Arguments::parse(super::NAME, known, tokens, errors);
        Self {
            endpoint: given.text("endpoint", errors),
            method: given.text("method", errors),
            krate: given.crate_path(),
        }
    }
}
