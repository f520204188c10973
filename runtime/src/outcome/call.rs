//! How model calls end.

use std::fmt;

use http::StatusCode;

use super::StreamOutcome;
use crate::label::closed_set;
use crate::status::StatusClass;
use crate::usage::{FinishReason, MissingReason};

closed_set! { indexed
    /// The `outcome` label of a call.
    pub(crate) CallOutcome {
        Success = "success",
        Error = "error",
        Cancelled = "cancelled",
        Truncated = "truncated",
    }
}

closed_set! {
    /// Why a model call failed: the `error_type` label of `llm_calls_total`.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::StatusCode;
    /// use streamgauge::call::CallErrorType;
    ///
    /// let error_type = CallErrorType::from_status(StatusCode::TOO_MANY_REQUESTS);
    /// assert_eq!(error_type, CallErrorType::RateLimited);
    /// assert_eq!(error_type.as_str(), "rate_limited");
    /// ```
    #[derive(Hash)]
    #[non_exhaustive]
    pub CallErrorType {
        /// The provider's rate limit is used up: status 429.
        RateLimited = "rate_limited",
        /// The provider is overloaded: status 503 or 529.
        Overloaded = "overloaded",
        /// No reply, or not all of it, arrived in time: also statuses 408 and 504.
        Timeout = "timeout",
        /// No connection to the provider could be made, or it broke.
        Connect = "connect",
        /// The provider refused the credentials: status 401 or 403.
        Auth = "auth",
        /// The model or the path does not exist: status 404.
        NotFound = "not_found",
        /// The provider refused the request: any other status from 400 to 499.
        InvalidRequest = "invalid_request",
        /// The provider failed: any other status from 500 to 999.
        ServerError = "server_error",
        /// The reply had a success status and contained an error of the protocol.
        Protocol = "protocol",
        /// A content filter stopped the reply.
        ContentFilter = "content_filter",
        /// The reply ended without a finish reason and without the end marker of its protocol.
        Truncated = "truncated",
        /// The function or the source of its reply panicked.
        Panic = "panic",
        /// Anything else.
        Other = "other",
    }
}

/// Writes the value of the label.
impl fmt::Display for CallErrorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl CallErrorType {
    /// Returns the error type of a reply with this status. A status below 400 is not an error, and
    /// becomes [`Other`](Self::Other). A status from 600 to 999 is a server error.
    #[must_use]
    pub fn from_status(status: StatusCode) -> Self {
        match status.as_u16() {
            401 | 403 => Self::Auth,
            404 => Self::NotFound,
            408 | 504 => Self::Timeout,
            429 => Self::RateLimited,
            503 | 529 => Self::Overloaded,
            _ => match StatusClass::of(status) {
                StatusClass::Success => Self::Other,
                StatusClass::ClientError => Self::InvalidRequest,
                StatusClass::ServerError => Self::ServerError,
            },
        }
    }
}

/// How the reply of a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReplyEnd {
    /// The reply is complete.
    Complete,
    /// The bytes ended without a finish reason and without the end marker of the protocol.
    Truncated,
    /// The function or its reply was dropped: the client disconnected, a timeout fired, or another
    /// call was faster.
    Cancelled,
    Failed(CallErrorType),
}

impl From<StreamOutcome> for ReplyEnd {
    fn from(outcome: StreamOutcome) -> Self {
        match outcome {
            StreamOutcome::Complete => Self::Complete,
            StreamOutcome::Truncated => Self::Truncated,
            StreamOutcome::ClientDisconnect => Self::Cancelled,
            StreamOutcome::StreamError => Self::Failed(CallErrorType::Other),
            StreamOutcome::ErrorEvent => Self::Failed(CallErrorType::Protocol),
            StreamOutcome::Panic => Self::Failed(CallErrorType::Panic),
        }
    }
}

/// How much of the usage in a reply could not be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Unread {
    #[default]
    Nothing,
    /// One side, the input or the output.
    Partly,
    /// The usage, or bytes that may have held it.
    Usage,
}

/// The label values that describe the end of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CallEnd {
    pub(crate) outcome: CallOutcome,
    pub(crate) finish: FinishReason,
    pub(crate) error: Option<CallErrorType>,
}

/// Decides the label values of a call's end. `finish` is what the reply says, and `reported` what
/// user code has reported.
pub(crate) fn call_end(
    end: ReplyEnd,
    finish: FinishReason,
    reported: Option<CallErrorType>,
) -> CallEnd {
    let (outcome, error) = match (end, reported) {
        (_, Some(error)) | (ReplyEnd::Failed(error), None) => (CallOutcome::Error, Some(error)),
        (ReplyEnd::Cancelled, None) => (CallOutcome::Cancelled, None),
        (ReplyEnd::Truncated, None) => (CallOutcome::Truncated, Some(CallErrorType::Truncated)),
        (ReplyEnd::Complete, None) => match finish {
            FinishReason::ContentFilter => (CallOutcome::Error, Some(CallErrorType::ContentFilter)),
            FinishReason::Error => (CallOutcome::Error, Some(CallErrorType::Protocol)),
            _ => (CallOutcome::Success, None),
        },
    };
    let finish = match (finish, outcome) {
        (FinishReason::Unknown, CallOutcome::Error) => FinishReason::Error,
        (FinishReason::Unknown, CallOutcome::Cancelled) => FinishReason::Cancelled,
        (finish, _) => finish,
    };
    CallEnd { outcome, finish, error }
}

impl CallOutcome {
    /// Returns the `reason` label of a call with this outcome if its usage is missing. A call that
    /// failed is not one without usage.
    pub(crate) fn missing_reason(self, has_usage: bool, unread: Unread) -> Option<MissingReason> {
        match (self, unread) {
            (Self::Error, _) => None,
            (_, Unread::Partly) if has_usage => Some(MissingReason::Partly),
            _ if has_usage => None,
            (_, Unread::Usage | Unread::Partly) => Some(MissingReason::Unparsed),
            (Self::Cancelled, Unread::Nothing) => Some(MissingReason::Disconnected),
            (Self::Success | Self::Truncated, Unread::Nothing) => Some(MissingReason::NotSent),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_type_of_a_status_is_the_one_that_operators_act_on() {
        let of = |status| {
            let status = StatusCode::from_u16(status).expect("a status");
            CallErrorType::from_status(status).as_str()
        };
        for (status, error_type) in [
            (400, "invalid_request"),
            (401, "auth"),
            (403, "auth"),
            (404, "not_found"),
            (408, "timeout"),
            (422, "invalid_request"),
            (429, "rate_limited"),
            (500, "server_error"),
            (502, "server_error"),
            (503, "overloaded"),
            (504, "timeout"),
            (529, "overloaded"),
            (599, "server_error"),
            (700, "server_error"),
        ] {
            assert_eq!(of(status), error_type, "{status}");
        }
    }

    #[test]
    fn error_that_user_code_reports_decides_the_end_of_a_call() {
        let timeout = Some(CallErrorType::Timeout);
        for end in [ReplyEnd::Complete, ReplyEnd::Cancelled, ReplyEnd::Truncated] {
            let end = call_end(end, FinishReason::Unknown, timeout);
            assert_eq!((end.outcome, end.error), (CallOutcome::Error, timeout));
            assert_eq!(end.finish, FinishReason::Error);
        }
    }

    #[test]
    fn reply_that_a_content_filter_stopped_is_an_error() {
        let end = call_end(ReplyEnd::Complete, FinishReason::ContentFilter, None);
        assert_eq!(end.outcome, CallOutcome::Error);
        assert_eq!(end.error, Some(CallErrorType::ContentFilter));
        assert_eq!(end.finish, FinishReason::ContentFilter);
    }

    #[test]
    fn usage_of_a_failed_call_is_never_missing() {
        for unread in [Unread::Nothing, Unread::Partly, Unread::Usage] {
            assert_eq!(CallOutcome::Error.missing_reason(false, unread), None);
        }
        let reason = |outcome: CallOutcome| outcome.missing_reason(false, Unread::Nothing);
        assert_eq!(reason(CallOutcome::Success), Some(MissingReason::NotSent));
        assert_eq!(reason(CallOutcome::Truncated), Some(MissingReason::NotSent));
        assert_eq!(reason(CallOutcome::Cancelled), Some(MissingReason::Disconnected));
    }
}
