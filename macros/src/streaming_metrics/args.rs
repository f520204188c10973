//! The arguments of `#[streaming_metrics]`.

use proc_macro2::TokenStream;
use syn::{Error, Expr, LitStr, Path};

use crate::arguments::Arguments;
use crate::errors::Errors;
use crate::route;

pub(super) struct Args {
    pub(super) endpoint: Option<LitStr>,
    pub(super) media_type: Option<LitStr>,
    pub(super) model: Option<Expr>,
    pub(super) krate: Path,
}

impl Args {
    pub(super) fn parse(tokens: TokenStream) -> Result<Self, Error> {
        let mut errors = Errors::default();
        let known = &["media_type", "endpoint", "model", "crate"];
        let mut given = Arguments::parse(super::NAME, known, tokens, &mut errors);
        let endpoint = given.text("endpoint", &mut errors);
        if let Some(endpoint) = &endpoint {
            errors.keep(route::check(endpoint));
        }
        let media_type = given.text("media_type", &mut errors);
        if let Some(media_type) = &media_type {
            errors.keep(check_media_type(media_type));
        }
        let args = Self {
            endpoint,
            media_type,
            model: given.expression("model"),
            krate: given.crate_path(),
        };
        errors.into_result().map(|()| args)
    }
}

/// A media type is `type/subtype`, with parameters perhaps, and becomes a header value.
fn check_media_type(media_type: &LitStr) -> Result<(), Error> {
    let is_token = |token: &str| {
        !token.is_empty()
            && token.chars().all(|c| c.is_ascii_alphanumeric() || "!#$&-^_.+".contains(c))
    };
    let value = media_type.value();
    let (essence, parameters) = value.split_once(';').unwrap_or((&value, ""));
    let has_both = essence
        .trim_end()
        .split_once('/')
        .is_some_and(|(ty, subtype)| is_token(ty) && is_token(subtype));
    if has_both && parameters.chars().all(|c| c.is_ascii_graphic() || c == ' ') {
        return Ok(());
    }
    let message = "a media type is written `type/subtype`: \"text/event-stream\"";
    Err(Error::new_spanned(media_type, message))
}
