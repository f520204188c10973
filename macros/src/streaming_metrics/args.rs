//! The arguments of `#[streaming_metrics]`.

use proc_macro2::TokenStream;
use syn::{Expr, LitStr, Path};

use crate::arguments::Arguments;
use crate::errors::Errors;

pub(super) struct Args {
    pub(super) endpoint: Option<LitStr>,
    pub(super) media_type: Option<LitStr>,
    pub(super) protocol: Option<LitStr>,
    pub(super) provider: Option<Expr>,
    pub(super) model: Option<Expr>,
    pub(super) krate: Path,
}

impl Args {
    pub(super) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let known = &["media_type", "protocol", "endpoint", "model", "provider", "crate"];
        let mut given = Arguments::parse(super::NAME, known, tokens, errors);
        Self {
            endpoint: given.text("endpoint", errors),
            media_type: given.text("media_type", errors),
            protocol: given.text("protocol", errors),
            provider: given.expression("provider"),
            model: given.expression("model"),
            krate: given.crate_path(),
        }
    }
}
