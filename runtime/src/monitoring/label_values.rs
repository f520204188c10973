//! Label values in queries, from the closed sets with which requests, streams and calls are
//! recorded.

use crate::outcome::{CallErrorType, CallOutcome, Outcome, StreamOutcome};
use crate::series::Resource;

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

/// The `error_type` of calls that did not fail, or failed because of what the caller sent.
pub(super) const NO_PROVIDER_FAILURES: &[&str] = &[
    "",
    CallErrorType::InvalidRequest.as_str(),
    CallErrorType::NotFound.as_str(),
    CallErrorType::ContentFilter.as_str(),
];

/// The errors of calls that a provider refuses because of its rate limit or its load.
pub(super) const REFUSED_CALLS: &[&str] =
    &[CallErrorType::RateLimited.as_str(), CallErrorType::Overloaded.as_str()];

/// The limit on requests, among those of a provider.
pub(super) const REQUESTS: &str = Resource::Requests.as_str();
