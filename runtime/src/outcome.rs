//! The one place that decides what a request's end is called.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

use http::StatusCode;

use crate::label::closed_set;

/// The status of a request whose client left before there was one, as nginx writes it.
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

/// What happened at the end of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Termination {
    /// The whole response was handed over.
    Complete,
    /// The service or the body failed.
    Failed,
    /// The future or the body was dropped: the client left.
    ClientDisconnected,
    /// The handler or the body panicked.
    Panicked,
}

impl Termination {
    /// The ending of a request whose handler has panicked, perhaps: one that became a server's error did
    /// so by the panic, whatever happened after it.
    pub(crate) fn after_panic(self, handler_panicked: bool, status: Option<StatusCode>) -> Self {
        let server_error = status.is_some_and(|status| status.is_server_error());
        if handler_panicked && server_error { Self::Panicked } else { self }
    }

    /// The ending of the calls that the request has left open: an error's body is no reply of a model.
    pub(crate) fn of_calls(self, status: Option<StatusCode>) -> Self {
        let is_error = |status: StatusCode| status.is_client_error() || status.is_server_error();
        if self == Self::Complete && status.is_some_and(is_error) { Self::Failed } else { self }
    }

    /// The ending of a request whose response has said that it failed, perhaps: that beats what its
    /// client did afterwards, and that all of its bytes were sent.
    pub(crate) fn after_protocol_error(self, failed: bool) -> Self {
        match self {
            Self::Complete | Self::ClientDisconnected if failed => Self::Failed,
            ending => ending,
        }
    }
}

/// How a request ended, as its labels say it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestEnd {
    pub(crate) status: u16,
    pub(crate) outcome: Outcome,
    pub(crate) error: Option<ErrorType>,
}

/// The labels of an end, given the status of the response head if there was one.
pub(crate) fn request_end(status: Option<StatusCode>, ending: Termination) -> RequestEnd {
    let (outcome, error) = match (ending, status) {
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
        None if ending == Termination::ClientDisconnected => CLIENT_CLOSED_REQUEST,
        None => StatusCode::INTERNAL_SERVER_ERROR.as_u16(),
    };
    RequestEnd { status, outcome, error }
}

/// The streams of a request that have failed within their protocol. They may be polled elsewhere.
#[derive(Default)]
pub(crate) struct ProtocolErrors {
    streams: AtomicU32,
    headed: AtomicBool,
}

impl ProtocolErrors {
    /// A stream has failed.
    pub(crate) fn add(&self) {
        self.streams.fetch_add(1, Relaxed);
    }

    /// A stream that had failed is gone. Before there was a head its handler has made something else of it.
    pub(crate) fn retract(&self) {
        if !self.headed.load(Relaxed) {
            self.streams.fetch_sub(1, Relaxed);
        }
    }

    pub(crate) fn note_head(&self) {
        self.headed.store(true, Relaxed);
    }

    pub(crate) fn any(&self) -> bool {
        self.streams.load(Relaxed) > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: Option<u16>, ending: Termination) -> (u16, &'static str, Option<&'static str>) {
        let status = status.and_then(|status| StatusCode::from_u16(status).ok());
        let end = request_end(status, ending);
        (end.status, end.outcome.as_str(), end.error.map(ErrorType::as_str))
    }

    #[test]
    fn a_complete_response_is_judged_by_its_status() {
        assert_eq!(said(Some(101), Termination::Complete), (101, "success", None));
        assert_eq!(said(Some(204), Termination::Complete), (204, "success", None));
        assert_eq!(said(Some(304), Termination::Complete), (304, "success", None));
        assert_eq!(said(Some(404), Termination::Complete), (404, "client_error", Some("client")));
        assert_eq!(said(Some(503), Termination::Complete), (503, "server_error", Some("server")));
        assert_eq!(said(Some(700), Termination::Complete), (700, "server_error", Some("server")));
    }

    #[test]
    fn what_happens_after_the_head_beats_its_status() {
        assert_eq!(said(Some(200), Termination::Failed), (200, "server_error", Some("stream")));
        assert_eq!(said(Some(200), Termination::ClientDisconnected), (200, "cancelled", None));
        assert_eq!(said(Some(200), Termination::Panicked), (200, "panic", Some("panic")));
    }

    #[test]
    fn without_a_head_the_status_says_what_happened() {
        assert_eq!(said(None, Termination::Failed), (500, "server_error", Some("server")));
        assert_eq!(said(None, Termination::ClientDisconnected), (499, "cancelled", None));
        assert_eq!(said(None, Termination::Panicked), (500, "panic", Some("panic")));
    }
}
