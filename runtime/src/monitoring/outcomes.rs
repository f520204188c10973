//! Label values in queries, from the closed sets that requests, streams and calls are recorded with.

use crate::outcome::{CallErrorType, CallOutcome, Outcome, StreamOutcome};

/// The requests that fail through a fault of the server.
pub(super) const FAILED_REQUESTS: &[&str] =
    &[Outcome::ServerError.as_str(), Outcome::Panic.as_str()];

pub(super) const PANICKED: &str = Outcome::Panic.as_str();
pub(super) const CANCELLED: &str = Outcome::Cancelled.as_str();
pub(super) const CLIENT_ERROR: &str = Outcome::ClientError.as_str();

/// The streams that end before they are complete, apart from those whose client disconnects.
pub(super) const FAILED_STREAMS: &[&str] = &[
    StreamOutcome::StreamError.as_str(),
    StreamOutcome::ErrorEvent.as_str(),
    StreamOutcome::Truncated.as_str(),
    StreamOutcome::Panic.as_str(),
];

pub(super) const SUCCESSFUL_CALL: &str = CallOutcome::Success.as_str();

/// The calls without a whole reply, apart from those that are cancelled.
pub(super) const FAILED_CALLS: &[&str] =
    &[CallOutcome::Error.as_str(), CallOutcome::Truncated.as_str()];

/// The errors of calls that a provider refuses because of its rate limit or its load.
pub(super) const REFUSED_CALLS: &[&str] =
    &[CallErrorType::RateLimited.as_str(), CallErrorType::Overloaded.as_str()];
