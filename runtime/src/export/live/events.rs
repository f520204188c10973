//! The stream of server-sent events of one viewer.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Bytes;
use http_body::{Body, Frame};
use serde_json::Value;
use tokio::time::Interval;

use super::LivePage;
use super::describe::description;
use super::reading::reading;
use crate::metrics::{LastReading, Viewer};

/// The body of a stream of events: a description of the instance, and a reading each second. It
/// ends if the viewer has lost its place, and when the page is closed.
///
/// A reading is made when the transport asks for it, so that a viewer that does not read gets no
/// readings, and none are kept for it.
pub(super) struct EventBody {
    page: LivePage,
    /// Wakes the task of the body when the page is closed.
    closed: Pin<Box<dyn Future<Output = ()> + Send>>,
    viewer: Viewer,
    timer: Interval,
    is_described: bool,
}

impl EventBody {
    /// Creates the body for a new viewer.
    ///
    /// # Errors
    ///
    /// Returns the reason if the viewer is refused.
    ///
    /// # Panics
    ///
    /// Panics outside a tokio runtime, or in a runtime without time enabled.
    pub(super) fn new(page: &LivePage) -> Result<Self, &'static str> {
        if page.is_closed() {
            return Err("the live page is closed\n");
        }
        let Some(viewer) = page.metrics.instance().live_hub().admit() else {
            return Err("too many viewers at the same time: see the option `max_viewers`\n");
        };
        let timer = viewer.timer();
        let closed = Box::pin(page.closed());
        Ok(Self { page: page.clone(), closed, viewer, timer, is_described: false })
    }
}

impl Body for EventBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        // The value comes first, because a future that has resolved must not be polled again.
        if this.page.is_closed() || this.closed.as_mut().poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        let instance = this.page.metrics.instance();
        let event = if this.is_described {
            if !this.viewer.is_waiting() {
                ready!(this.timer.poll_tick(cx));
            }
            let make = |last: &mut LastReading| event("reading", &reading(instance, last));
            let Some(reading) = ready!(this.viewer.poll_reading(cx, make)) else {
                return Poll::Ready(None);
            };
            reading
        } else {
            this.is_described = true;
            // A browser whose connection is lost connects again after this many milliseconds.
            let retry = Bytes::from_static(b"retry: 1000\n\n");
            [retry, event("describe", &description(instance))].concat().into()
        };
        Poll::Ready(Some(Ok(Frame::data(event))))
    }
}

/// Formats an event. JSON has no line breaks outside of its texts, and escapes those within.
fn event(name: &str, data: &Value) -> Bytes {
    format!("event: {name}\ndata: {data}\n\n").into()
}
