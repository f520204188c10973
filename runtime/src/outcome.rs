//! How requests, streams and calls end.
//!
//! The outcomes of a request and of a call are decided here. The outcome of a stream is decided in `stream/recorder.rs`, which asks the parser of its
//! protocol first (`call/parser.rs`).

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

use http::StatusCode;

use crate::label::closed_set;
use crate::usage::{FinishReason, MissingReason};

/// The status of a request whose client disconnected before the response head, as nginx logs it.
const CLIENT_CLOSED_REQUEST: u16 = 499;

closed_set! {
    /// The `outcome` label of a request.
    pub(crate) Outcome {
        Success = "success",
        ClientError = "client_error",
        ServerError = "server_error",
        Cancelled = "cancelled",
        Panic = "panic",
    }
}

closed_set! {
    /// The `error_type` label of a request.
    pub(crate) ErrorType {
        Client = "client",
        Server = "server",
        Stream = "stream",
        Panic = "panic",
    }
}

closed_set! { indexed
    /// The `outcome` label of a stream.
    pub(crate) StreamOutcome {
        Complete = "complete",
        ClientDisconnect = "client_disconnect",
        StreamError = "stream_error",
        ErrorEvent = "error_event",
        Truncated = "truncated",
        Panic = "panic",
    }
}

/// What terminated a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Termination {
    /// The whole response was handed over to the transport.
    Complete,
    /// The service or the response body failed.
    Failed,
    /// The response future or the response body was dropped: the client disconnected, or a timeout
    /// outside the layer fired.
    ClientDisconnected,
    /// The handler or the response body panicked.
    Panicked,
}

impl Termination {
    /// Returns the termination of a request whose handler may have panicked. A panic that was
    /// caught and became a server error decides, whatever happened after it.
    pub(crate) fn after_handler_panic(
        self,
        has_panicked: bool,
        status: Option<StatusCode>,
    ) -> Self {
        let is_server_error = status.is_some_and(|status| status.is_server_error());
        if has_panicked && is_server_error { Self::Panicked } else { self }
    }

    /// Returns the termination of a request whose response may have sent an error event. The error
    /// event decides, even if all bytes were sent or the client disconnected afterwards.
    pub(crate) fn after_protocol_error(self, has_failed: bool) -> Self {
        match self {
            Self::Complete | Self::ClientDisconnected if has_failed => Self::Failed,
            termination => termination,
        }
    }

    /// Returns how the calls end that are open when the request ends. The body of an error response
    /// is not the reply of a model.
    pub(crate) fn for_open_calls(self, status: Option<StatusCode>) -> ReplyEnd {
        let is_error = |status: &StatusCode| status.is_client_error() || status.is_server_error();
        match (self, status.filter(is_error)) {
            (Self::Complete, Some(status)) => ReplyEnd::Failed(CallErrorType::from_status(status)),
            (Self::Complete, None) => ReplyEnd::Complete,
            (Self::Failed, _) => ReplyEnd::Failed(CallErrorType::Other),
            (Self::ClientDisconnected, _) => ReplyEnd::Cancelled,
            (Self::Panicked, _) => ReplyEnd::Failed(CallErrorType::Panic),
        }
    }
}

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
        /// The provider failed: any other status from 500.
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

impl CallErrorType {
    /// Returns the error type of a reply with this status. A status below 400 is no error, and
    /// becomes [`Other`](Self::Other).
    #[must_use]
    pub fn from_status(status: StatusCode) -> Self {
        match status.as_u16() {
            401 | 403 => Self::Auth,
            404 => Self::NotFound,
            408 | 504 => Self::Timeout,
            429 => Self::RateLimited,
            503 | 529 => Self::Overloaded,
            400..=499 => Self::InvalidRequest,
            500.. => Self::ServerError,
            _ => Self::Other,
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

/// The label values that describe the end of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestEnd {
    pub(crate) status: u16,
    pub(crate) outcome: Outcome,
    pub(crate) error: Option<ErrorType>,
}

/// Decides the label values of a request's end. `status` is that of the response head, if there was
/// one.
pub(crate) fn request_end(status: Option<StatusCode>, termination: Termination) -> RequestEnd {
    let (outcome, error) = match (termination, status) {
        (Termination::Panicked, _) => (Outcome::Panic, Some(ErrorType::Panic)),
        (Termination::ClientDisconnected, _) => (Outcome::Cancelled, None),
        (Termination::Failed, Some(_)) => (Outcome::ServerError, Some(ErrorType::Stream)),
        (Termination::Complete, Some(status)) if status.is_client_error() => {
            (Outcome::ClientError, Some(ErrorType::Client))
        }
        (Termination::Complete, Some(status)) if status.as_u16() < 400 => (Outcome::Success, None),
        (Termination::Failed, None) | (Termination::Complete, _) => {
            (Outcome::ServerError, Some(ErrorType::Server))
        }
    };
    let status = match status {
        Some(status) => status.as_u16(),
        None if termination == Termination::ClientDisconnected => CLIENT_CLOSED_REQUEST,
        None => StatusCode::INTERNAL_SERVER_ERROR.as_u16(),
    };
    RequestEnd { status, outcome, error }
}

/// The streams of a request that have sent an error event. They may be polled on other threads than
/// the request.
#[derive(Default)]
pub(crate) struct ProtocolErrors {
    streams: AtomicU32,
    head_sent: AtomicBool,
}

impl ProtocolErrors {
    /// Notes that a stream has sent an error event.
    pub(crate) fn add(&self) {
        self.streams.fetch_add(1, Relaxed);
    }

    /// Takes back the error of a stream that was dropped before the response head: the handler has
    /// consumed the stream and responds with something else.
    pub(crate) fn retract(&self) {
        if !self.head_sent.load(Relaxed) {
            self.streams.fetch_sub(1, Relaxed);
        }
    }

    /// Notes that the response head was made.
    pub(crate) fn note_head(&self) {
        self.head_sent.store(true, Relaxed);
    }

    /// Returns whether any stream has sent an error event.
    pub(crate) fn any(&self) -> bool {
        self.streams.load(Relaxed) > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(
        status: Option<u16>,
        termination: Termination,
    ) -> (u16, &'static str, Option<&'static str>) {
        let status = status.and_then(|status| StatusCode::from_u16(status).ok());
        let end = request_end(status, termination);
        (end.status, end.outcome.as_str(), end.error.map(ErrorType::as_str))
    }

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

    #[test]
    fn outcome_of_a_complete_response_follows_from_its_status() {
        let complete = |status| labels(Some(status), Termination::Complete);
        assert_eq!(complete(101), (101, "success", None));
        assert_eq!(complete(204), (204, "success", None));
        assert_eq!(complete(304), (304, "success", None));
        assert_eq!(complete(404), (404, "client_error", Some("client")));
        assert_eq!(complete(503), (503, "server_error", Some("server")));
        assert_eq!(complete(700), (700, "server_error", Some("server")));
    }

    #[test]
    fn outcome_after_the_head_overrides_the_status() {
        let after_head = |termination| labels(Some(200), termination);
        assert_eq!(after_head(Termination::Failed), (200, "server_error", Some("stream")));
        assert_eq!(after_head(Termination::ClientDisconnected), (200, "cancelled", None));
        assert_eq!(after_head(Termination::Panicked), (200, "panic", Some("panic")));
    }

    #[test]
    fn status_without_a_head_is_500_or_499() {
        let before_head = |termination| labels(None, termination);
        assert_eq!(before_head(Termination::Failed), (500, "server_error", Some("server")));
        assert_eq!(before_head(Termination::ClientDisconnected), (499, "cancelled", None));
        assert_eq!(before_head(Termination::Panicked), (500, "panic", Some("panic")));
    }
}
