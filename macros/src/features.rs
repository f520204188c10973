//! Features of streamgauge that an annotated function needs.

use quote::ToTokens;
use syn::{Type, TypeParamBound};

use crate::errors::Errors;
use crate::reply::StreamPlace;

/// Reports an error at `tokens` if streamgauge is built without its feature `axum`, which enables
/// this crate's feature `axum`.
pub(crate) fn require_axum(what: &str, tokens: impl ToTokens, errors: &mut Errors) {
    if !cfg!(feature = "axum") {
        let message =
            format!("{what} needs axum's types: enable the feature `axum` of streamgauge");
        errors.at(tokens, message);
    }
}

/// Reports an `impl IntoResponse` if the feature `axum` is off: only the layer can read its bytes.
pub(crate) fn require_axum_for_into_response(reply: &StreamPlace<'_>, errors: &mut Errors) {
    let Type::ImplTrait(opaque) = reply.ty else { return };
    let is_into_response = opaque.bounds.iter().any(|bound| {
        matches!(bound, TypeParamBound::Trait(bound)
            if bound.path.segments.last().is_some_and(|last| last.ident == "IntoResponse"))
    });
    if is_into_response {
        require_axum("`impl IntoResponse`", reply.ty, errors);
    }
}
