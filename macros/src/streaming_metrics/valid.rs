//! What `#[streaming_metrics]` may be told, and may stand on.

use syn::LitStr;

use super::{Args, NAME};
use crate::errors::Errors;
use crate::features::{require_axum, require_axum_for_into_response};
use crate::function::Function;
use crate::reply::{StreamPlace, check_lost_bound};
use crate::{label, protocol, route};

pub(super) fn check(args: &Args, function: Option<&Function>, errors: &mut Errors) {
    route::check(args.endpoint.as_ref(), errors);
    label::check("model", args.model.as_ref(), errors);
    label::check("provider", args.provider.as_ref(), errors);
    protocol::check(args.protocol.as_ref(), errors);
    // What is wrong with the protocol is said already.
    if let (Some(provider), None, true) = (&args.provider, &args.protocol, errors.is_empty()) {
        let message =
            "`provider` labels the usage that a `protocol` is read for: give both, or neither";
        errors.at(provider, message);
    }
    if let Some(media_type) = &args.media_type {
        check_media_type(media_type, errors);
        require_axum("`media_type`", media_type, errors);
    }
    let Some(function) = function else { return };
    if let Some(nothing) = function.returns_nothing() {
        errors.at(nothing, format!("#[{NAME}] needs a function that returns a stream"));
    } else if let Some(never) = function.never_returns() {
        let message =
            format!("#[{NAME}] meters the stream that is returned, and this never returns");
        errors.at(never, message);
    } else if let Some(media_type) = &args.media_type {
        if let Some(response) = StreamPlace::of(&function.outcome()).response() {
            let message = format!(
                "`media_type` makes a response of a stream, and `{response}` is one already; leave it away"
            );
            errors.at(media_type, message);
        }
    } else {
        let reply = function.outcome();
        check_lost_bound(&reply, errors);
        require_axum_for_into_response(&StreamPlace::of(&reply), errors);
    }
}

/// A media type is `type/subtype`, with parameters perhaps, and becomes a header value.
fn check_media_type(media_type: &LitStr, errors: &mut Errors) {
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
    if !has_both || !parameters.chars().all(|c| c.is_ascii_graphic() || c == ' ') {
        errors.at(media_type, "a media type is written `type/subtype`: \"text/event-stream\"");
    }
}
