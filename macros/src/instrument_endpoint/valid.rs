//! What the arguments of `#[instrument_endpoint]` may be.

use syn::LitStr;

use super::Args;
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

pub(super) fn check(args: &Args, errors: &mut Errors) {
    route::check(args.endpoint.as_ref(), errors);
    if let Some(method) = args.method.as_ref().filter(|method| variant(method).is_none()) {
        errors.at(method, problem(&method.value()));
    }
}

/// The variant of a method that is recorded.
pub(super) fn variant(method: &LitStr) -> Option<&'static str> {
    let value = method.value();
    METHODS.iter().find(|(name, _)| *name == value).map(|(_, variant)| *variant)
}

fn problem(value: &str) -> String {
    match METHODS.iter().find(|(name, _)| name.eq_ignore_ascii_case(value)) {
        Some((name, _)) => format!("methods are written in capitals: \"{name}\""),
        None => {
            let known: Vec<_> = METHODS.iter().map(|(name, _)| *name).collect();
            format!("{value:?} is not a method that is recorded; those are {}", known.join(", "))
        }
    }
}
