//! Waiting for the upstream's answer.

use axum::{http::header::CONTENT_TYPE, response::Response};

/// Waits for an answer. A call is counted where it is answered, by what its reply turns out to be; `left`
/// counts that of a client that does not wait so long.
pub(super) async fn answer<T>(reply: impl Future<Output = T>, left: impl FnOnce()) -> T {
    let mut waiting = Waiting(Some(left));
    let reply = reply.await;
    waiting.0 = None;
    reply
}

/// Calls its function when it is dropped before it is told not to.
struct Waiting<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> Drop for Waiting<F> {
    fn drop(&mut self) {
        if let Some(left) = self.0.take() {
            left();
        }
    }
}

/// Whether a reply is a stream of a model's events.
pub(super) fn is_stream(reply: &Response) -> bool {
    let is_events = |value: &[u8]| {
        value.get(..17).is_some_and(|start| start.eq_ignore_ascii_case(b"text/event-stream"))
    };
    reply.status().is_success()
        && reply.headers().get(CONTENT_TYPE).is_some_and(|value| is_events(value.as_bytes()))
}
