//! How requests, streams and calls end.
//!
//! The outcomes of a request and of a call are decided here. The outcome of a stream is decided in
//! `stream/recorder.rs`, which asks the parser of its protocol first (`call/parser.rs`).

mod call;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

use http::StatusCode;

pub use self::call::CallErrorType;
pub(crate) use self::call::{CallEnd, CallOutcome, ReplyEnd, Unread, call_end};
use crate::label::closed_set;
use crate::status::StatusClass;

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
        let class = status.map(StatusClass::of);
        let is_server_error = class == Some(StatusClass::ServerError);
        if has_panicked && is_server_error { Self::Panicked } else { self }
    }

    /// Returns the termination of a request whose upload the client may have cut off. The answer
    /// to the failed upload, usually the status 400, does not make the client's disconnect an
    /// error.
    pub(crate) fn after_upload(self, was_cut_off: bool) -> Self {
        match self {
            Self::Complete if was_cut_off => Self::ClientDisconnected,
            termination => termination,
        }
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
        let is_error = |status: &StatusCode| StatusClass::of(*status).is_error();
        match (self, status.filter(is_error)) {
            (Self::Complete, Some(status)) => ReplyEnd::Failed(CallErrorType::from_status(status)),
            (Self::Complete, None) => ReplyEnd::Complete,
            (Self::Failed, _) => ReplyEnd::Failed(CallErrorType::Other),
            (Self::ClientDisconnected, _) => ReplyEnd::Cancelled,
            (Self::Panicked, _) => ReplyEnd::Failed(CallErrorType::Panic),
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
    let (outcome, error) = match (termination, status.map(StatusClass::of)) {
        (Termination::Panicked, _) => (Outcome::Panic, Some(ErrorType::Panic)),
        (Termination::ClientDisconnected, _) => (Outcome::Cancelled, None),
        (Termination::Failed, Some(_)) => (Outcome::ServerError, Some(ErrorType::Stream)),
        (Termination::Complete, Some(StatusClass::Success)) => (Outcome::Success, None),
        (Termination::Complete, Some(StatusClass::ClientError)) => {
            (Outcome::ClientError, Some(ErrorType::Client))
        }
        (Termination::Failed, None)
        | (Termination::Complete, Some(StatusClass::ServerError) | None) => {
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
