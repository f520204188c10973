//! The arguments of `#[track_tokens]`.

use proc_macro2::TokenStream;
use syn::{Expr, LitStr, Path};

use crate::arguments::Arguments;
use crate::errors::Errors;

pub(super) struct Args {
    pub(super) protocol: Option<LitStr>,
    pub(super) endpoint: Option<LitStr>,
    pub(super) provider: Option<Expr>,
    pub(super) model: Option<Expr>,
    pub(super) krate: Path,
}

impl Args {
    pub(super) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let known = &["model", "provider", "protocol", "endpoint", "crate"];
        let mut given = Arguments::parse(super::NAME, known, tokens, errors);
        Self {
            protocol: given.text("protocol", errors),
            endpoint: given.text("endpoint", errors),
            provider: given.expression("provider"),
            model: given.expression("model"),
            krate: given.crate_path(),
        }
    }
}
