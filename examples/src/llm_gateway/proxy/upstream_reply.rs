//! Waiting for the upstream's reply, and the kind of the reply.

use axum::{http::header::CONTENT_TYPE, response::Response};

/// Waits for `reply`, and calls `on_disconnect` if the returned future is dropped first.
///
/// The handler's future is dropped when the client disconnects. A call with a reply is recorded by
/// the function that receives the reply; `on_disconnect` records a call without one.
pub(super) async fn reply_or_disconnect<T>(
    reply: impl Future<Output = T>,
    on_disconnect: impl FnOnce(),
) -> T {
    let mut guard = CallOnDrop(Some(on_disconnect));
    let reply = reply.await;
    guard.0 = None;
    reply
}

/// Calls the function when dropped, unless the function was removed before.
struct CallOnDrop<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> Drop for CallOnDrop<F> {
    fn drop(&mut self) {
        if let Some(function) = self.0.take() {
            function();
        }
    }
}

/// Returns true if the reply is a successful stream of server-sent events.
pub(super) fn is_event_stream(reply: &Response) -> bool {
    let is_events = |value: &[u8]| {
        value.get(..17).is_some_and(|start| start.eq_ignore_ascii_case(b"text/event-stream"))
    };
    reply.status().is_success()
        && reply.headers().get(CONTENT_TYPE).is_some_and(|value| is_events(value.as_bytes()))
}
