//! The arguments of `#[instrument_endpoint]`.

use proc_macro2::{Ident, Span, TokenStream};
use syn::{Error, LitStr, Path};

use crate::arguments::Arguments;
use crate::errors::Errors;
use crate::route;

/// The methods by the name that a request line has and the name of our enum's variant.
const METHODS: &[(&str, &str)] = &[
    ("GET", "Get"),
    ("HEAD", "Head"),
    ("POST", "Post"),
    ("PUT", "Put"),
    ("DELETE", "Delete"),
    ("PATCH", "Patch"),
    ("OPTIONS", "Options"),
    ("TRACE", "Trace"),
    ("CONNECT", "Connect"),
];

pub(super) struct Args {
    pub(super) endpoint: Option<LitStr>,
    /// The variant of `Method`.
    pub(super) method: Ident,
    pub(super) krate: Path,
}

impl Args {
    pub(super) fn parse(tokens: TokenStream) -> Result<Self, Error> {
        let mut errors = Errors::default();
        let known = &["endpoint", "method", "crate"];
        let mut given = Arguments::parse(super::NAME, known, tokens, &mut errors);
        let endpoint = given.text("endpoint", &mut errors);
        if let Some(endpoint) = &endpoint {
            errors.keep(route::check(endpoint));
        }
        let method = given.text("method", &mut errors);
        let method = method.and_then(|method| errors.keep(variant(&method))).unwrap_or("Unknown");
        let krate = given.crate_path();
        errors.into_result()?;
        Ok(Self { endpoint, method: Ident::new(method, Span::mixed_site()), krate })
    }
}

fn variant(method: &LitStr) -> Result<&'static str, Error> {
    let value = method.value();
    if let Some((_, variant)) = METHODS.iter().find(|(name, _)| *name == value) {
        return Ok(variant);
    }
    let message = match METHODS.iter().find(|(name, _)| name.eq_ignore_ascii_case(&value)) {
        Some((name, _)) => format!("methods are written in capitals: \"{name}\""),
        None => {
            let known: Vec<_> = METHODS.iter().map(|(name, _)| *name).collect();
            format!("{value:?} is not a method that is recorded; those are {}", known.join(", "))
        }
    };
    Err(Error::new_spanned(method, message))
}
