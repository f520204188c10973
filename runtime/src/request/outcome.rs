//! The one place that decides what a request's end is called.

use http::StatusCode;

use crate::family::{ErrorType, Outcome};
use crate::site::End;

/// The status of a request whose client left before there was one, as nginx writes it.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// What happened at the end of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The whole response was handed over.
    Complete,
    /// The service or the body failed.
    Failed,
    /// The future or the body was dropped: the client left.
    Left,
    /// The handler or the body panicked.
    Panicked,
}

impl Ending {
    /// The ending of a request whose handler has panicked, perhaps: one that became a server's error did
    /// so by the panic, whatever happened after it.
    pub(super) fn after_panic(self, handler_panicked: bool, status: Option<StatusCode>) -> Self {
        let server_error = status.is_some_and(|status| status.is_server_error());
        if handler_panicked && server_error { Self::Panicked } else { self }
    }

    /// The ending of the calls that the request has left open: an error's body is no reply of a model.
    pub(super) fn of_calls(self, status: Option<StatusCode>) -> Self {
        let is_error = |status: StatusCode| status.is_client_error() || status.is_server_error();
        if self == Self::Complete && status.is_some_and(is_error) { Self::Failed } else { self }
    }

    /// The ending of a request whose response has said that it failed, perhaps: that beats what its
    /// client did afterwards, and that all of its bytes were sent.
    pub(super) fn after_failure(self, failed: bool) -> Self {
        match self {
            Self::Complete | Self::Left if failed => Self::Failed,
            ending => ending,
        }
    }
}

/// The labels of an end, given the status of the response head if there was one.
pub(crate) fn end(status: Option<StatusCode>, ending: Ending) -> End {
    let (outcome, error) = match (ending, status) {
        (Ending::Panicked, _) => (Outcome::Panic, Some(ErrorType::Panic)),
        (Ending::Left, _) => (Outcome::Cancelled, None),
        (Ending::Failed, Some(_)) => (Outcome::ServerError, Some(ErrorType::Stream)),
        (Ending::Complete, Some(status)) if status.is_client_error() => {
            (Outcome::ClientError, Some(ErrorType::Client))
        }
        (Ending::Complete, Some(status)) if status.as_u16() < 400 => (Outcome::Success, None),
        (Ending::Failed, None) | (Ending::Complete, _) => {
            (Outcome::ServerError, Some(ErrorType::Server))
        }
    };
    let status = match status {
        Some(status) => status.as_u16(),
        None if ending == Ending::Left => CLIENT_CLOSED_REQUEST,
        None => StatusCode::INTERNAL_SERVER_ERROR.as_u16(),
    };
    End { status, outcome, error }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: Option<u16>, ending: Ending) -> (u16, &'static str, Option<&'static str>) {
        let status = status.and_then(|status| StatusCode::from_u16(status).ok());
        let end = end(status, ending);
        (end.status, end.outcome.as_str(), end.error.map(ErrorType::as_str))
    }

    #[test]
    fn a_complete_response_is_judged_by_its_status() {
        assert_eq!(said(Some(101), Ending::Complete), (101, "success", None));
        assert_eq!(said(Some(204), Ending::Complete), (204, "success", None));
        assert_eq!(said(Some(304), Ending::Complete), (304, "success", None));
        assert_eq!(said(Some(404), Ending::Complete), (404, "client_error", Some("client")));
        assert_eq!(said(Some(503), Ending::Complete), (503, "server_error", Some("server")));
        assert_eq!(said(Some(700), Ending::Complete), (700, "server_error", Some("server")));
    }

    #[test]
    fn what_happens_after_the_head_beats_its_status() {
        assert_eq!(said(Some(200), Ending::Failed), (200, "server_error", Some("stream")));
        assert_eq!(said(Some(200), Ending::Left), (200, "cancelled", None));
        assert_eq!(said(Some(200), Ending::Panicked), (200, "panic", Some("panic")));
    }

    #[test]
    fn without_a_head_the_status_says_what_happened() {
        assert_eq!(said(None, Ending::Failed), (500, "server_error", Some("server")));
        assert_eq!(said(None, Ending::Left), (499, "cancelled", None));
        assert_eq!(said(None, Ending::Panicked), (500, "panic", Some("panic")));
    }
}
