//! The arguments of `#[track_tokens]`.

use proc_macro2::TokenStream;
use syn::{Error, Expr, LitStr, Path};

use crate::arguments::Arguments;
use crate::errors::Errors;
use crate::route;

pub(super) struct Args {
    pub(super) endpoint: Option<LitStr>,
    pub(super) provider: Option<Expr>,
    pub(super) model: Option<Expr>,
    pub(super) krate: Path,
}

impl Args {
    pub(super) fn parse(tokens: TokenStream) -> Result<Self, Error> {
        let mut errors = Errors::default();
        let known = &["model", "provider", "endpoint", "crate"];
        let mut given = Arguments::parse(super::NAME, known, tokens, &mut errors);
        let endpoint = given.text("endpoint", &mut errors);
        if let Some(endpoint) = &endpoint {
            errors.keep(route::check(endpoint));
        }
        let args = Self {
            endpoint,
            provider: given.expression("provider"),
            model: given.expression("model"),
            krate: given.crate_path(),
        };
        errors.into_result().map(|()| args)
    }
}
