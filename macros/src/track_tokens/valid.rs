//! What `#[track_tokens]` may be told, and may stand on.

use super::{Args, NAME};
use crate::errors::Errors;
use crate::features::require_axum_for_into_response;
use crate::function::Function;
use crate::reply::{StreamPlace, check_lost_bound};
use crate::{label, protocol, route};

pub(super) fn check(args: &Args, function: Option<&Function>, errors: &mut Errors) {
    route::check(args.endpoint.as_ref(), errors);
    label::check("model", args.model.as_ref(), errors);
    label::check("provider", args.provider.as_ref(), errors);
    protocol::check(args.protocol.as_ref(), errors);
    let Some(function) = function else { return };
    if let Some(nothing) = function.returns_nothing() {
        let message = format!(
            "#[{NAME}] reads the token usage of what the function returns, and this one returns \
             nothing; record it with `token_usage_context::record` and annotate the caller"
        );
        errors.at(nothing, message);
    } else if let Some(never) = function.never_returns() {
        let message = format!(
            "#[{NAME}] reads the token usage of what the function returns, and this one never does"
        );
        errors.at(never, message);
    } else if args.protocol.is_some() {
        // Without a protocol the stream is left as it is.
        let reply = function.outcome();
        check_lost_bound(&reply, errors);
        require_axum_for_into_response(&StreamPlace::of(&reply), errors);
    }
}
