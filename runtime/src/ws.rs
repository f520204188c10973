//! Meters each WebSocket as a stream, from the upgrade until it ends.
//!
//! The response that upgrades a connection, status 101, ends its request. axum then serves the
//! socket in a task of its own, which no layer sees. [`MeteredUpgrade::on_metered_upgrade`]
//! replaces axum's `on_upgrade`. The [`WebSocket`] that it passes to the callback is recorded as a
//! stream: `active_streams`, `stream_duration_seconds`, `stream_chunks_total`,
//! `stream_bytes_total`, `stream_errors_total`, `time_to_first_chunk_seconds` and
//! `inter_chunk_seconds`.
//!
//! ```
//! use axum::{Router, extract::ws::WebSocketUpgrade, response::Response, routing::any};
//! use streamgauge::Metrics;
//! use streamgauge::ws::{MeteredUpgrade, WebSocket};
//!
//! async fn echo(upgrade: WebSocketUpgrade) -> Response {
//!     upgrade.max_message_size(1 << 20).on_metered_upgrade(serve)
//! }
//!
//! async fn serve(mut socket: WebSocket) {
//!     while let Some(Ok(message)) = socket.recv().await {
//!         if socket.send(message).await.is_err() {
//!             break;
//!         }
//!     }
//! }
//!
//! let metrics = Metrics::builder().build()?;
//! let app: Router = Router::new().route("/echo", any(echo)).layer(metrics.layer());
//! # Ok::<(), streamgauge::BuildError>(())
//! ```
//!
//! # What counts
//!
//! A stream is active from the upgrade until the socket is dropped. Its chunks are the text and
//! binary messages that the server sends, and its bytes are their payload. Control messages (ping,
//! pong, close) and received messages are not chunks.
//!
//! The stream belongs to the endpoint of the request, with the request labels that it has when
//! `on_metered_upgrade` is called. `#[streaming_metrics]` on the handler may name another endpoint
//! and a model. Messages are not parsed, whatever `protocol` it names. The stream is recorded in
//! the instance whose layer serves the request, or outside any request in
//! [`Metrics::global`](crate::Metrics::global).
//!
//! | outcome | the socket |
//! |---|---|
//! | `complete` | was closed by a close message of either side, or was dropped by the server |
//! | `client_disconnect` | the connection ended without a close message |
//! | `stream_error` | failed in another way: the client broke the protocol or a limit |
//! | `panic` | was dropped by a panic |
//!
//! A disconnect is seen when the task receives or sends. A task that does neither and drops the
//! socket is recorded as `complete`.

use std::error::Error as _;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;

use axum::Error;
use axum::extract::ws::{self, Message, OnFailedUpgrade, WebSocketUpgrade};
use axum::response::Response;
use futures_core::Stream;
use futures_sink::Sink;
use http::HeaderValue;

use crate::error_chain::is_disconnect;
use crate::stream::{SocketStream, StreamRecorder};

/// The `error_type` of a socket that fails.
const SOCKET_ERROR: &str = "WebSocketError";

/// The text of tungstenite's error for a connection that ends without a close message. tungstenite
/// is not a dependency of this crate, because axum decides its version.
const ENDED_WITHOUT_CLOSE: &str = "Connection reset without closing handshake";

/// The texts of tungstenite's errors for the use of a socket after it was closed.
const ALREADY_CLOSED: [&str; 2] =
    ["Connection closed normally", "Trying to work with closed connection"];

mod sealed {
    pub trait Sealed {}

    impl<F> Sealed for axum::extract::ws::WebSocketUpgrade<F> {}
}

/// Upgrades a connection to a socket that is recorded as a stream.
///
/// Implemented for axum's [`WebSocketUpgrade`], whose other methods are called as usual, before
/// this one. See the [module](self) for an example.
pub trait MeteredUpgrade: sealed::Sealed {
    /// Upgrades the connection and calls `callback` with the socket, in a task of its own. Use it
    /// instead of [`WebSocketUpgrade::on_upgrade`].
    ///
    /// Returns the response that upgrades the connection, which the handler must return. If the
    /// upgrade fails, no stream is recorded.
    #[must_use = "to set up the WebSocket connection, this response must be returned"]
    fn on_metered_upgrade<C, Fut>(self, callback: C) -> Response
    where
        C: FnOnce(WebSocket) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static;
}

impl<F: OnFailedUpgrade> MeteredUpgrade for WebSocketUpgrade<F> {
    fn on_metered_upgrade<C, Fut>(self, callback: C) -> Response
    where
        C: FnOnce(WebSocket) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let stream = SocketStream::new();
        let shared = stream.clone();
        let mut response = self.on_upgrade(move |inner| {
            let recorder = shared.as_ref().and_then(SocketStream::recorder);
            callback(WebSocket { inner, state: State::Open, recorder })
        });
        if let Some(stream) = stream {
            response.extensions_mut().insert(stream);
        }
        response
    }
}

/// A WebSocket that is recorded as a stream. [`MeteredUpgrade::on_metered_upgrade`] creates it.
///
/// It is used like axum's [`WebSocket`](ws::WebSocket): with [`recv`](Self::recv) and
/// [`send`](Self::send), or as a [`Stream`] and a [`Sink`] of [`Message`]s, which
/// `StreamExt::split` separates. Dropping it ends the stream.
pub struct WebSocket {
    inner: ws::WebSocket,
    state: State,
    recorder: Option<StreamRecorder>,
}

/// Whether and how the socket has ended. The first end is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Closed,
    Disconnected,
    Failed,
}

impl WebSocket {
    /// Receives the next message. Returns `None` if the socket is closed.
    ///
    /// # Errors
    ///
    /// Returns an error if the connection breaks, or if the client violates the protocol or a
    /// limit.
    ///
    /// # Cancel safety
    ///
    /// No message is lost if the future is dropped.
    pub async fn recv(&mut self) -> Option<Result<Message, Error>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// Sends a message and flushes the socket.
    ///
    /// # Errors
    ///
    /// Returns an error if the connection breaks, or if the socket is closed.
    pub async fn send(&mut self, message: Message) -> Result<(), Error> {
        poll_fn(|cx| Pin::new(&mut *self).poll_ready(cx)).await?;
        Pin::new(&mut *self).start_send(message)?;
        poll_fn(|cx| Pin::new(&mut *self).poll_flush(cx)).await
    }

    /// Returns the subprotocol that was selected, if there is one.
    #[must_use]
    pub fn protocol(&self) -> Option<&HeaderValue> {
        self.inner.protocol()
    }

    /// Notes the first end of the socket.
    fn note(&mut self, end: State) {
        if self.state == State::Open {
            self.state = end;
            if let Some(recorder) = self.recorder.as_mut().filter(|_| end == State::Failed) {
                recorder.record_error(SOCKET_ERROR);
            }
        }
    }

    /// Notes an error, and returns the result.
    fn note_result<T>(&mut self, result: Result<T, Error>) -> Result<T, Error> {
        if let Err(error) = &result {
            self.note(State::after(error));
        }
        result
    }

    /// Adds the local counts to the shared counters, because the socket may be idle for a long
    /// time.
    fn flush_counts(&mut self) {
        if let Some(recorder) = &mut self.recorder {
            recorder.end_poll(true);
        }
    }
}

impl State {
    /// Returns the state after receiving or sending has failed.
    fn after(error: &Error) -> Self {
        let mut cause = error.source();
        while let Some(error) = cause {
            if error.downcast_ref::<io::Error>().is_some_and(is_disconnect) {
                return Self::Disconnected;
            }
            let text = error.to_string();
            if text.ends_with(ENDED_WITHOUT_CLOSE) {
                return Self::Disconnected;
            }
            if ALREADY_CLOSED.contains(&&*text) {
                return Self::Closed;
            }
            cause = error.source();
        }
        Self::Failed
    }
}

impl Stream for WebSocket {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = Pin::new(&mut self.inner).poll_next(cx);
        match &polled {
            Poll::Ready(Some(Ok(Message::Close(_))) | None) => self.note(State::Closed),
            Poll::Ready(Some(Ok(_))) => {}
            Poll::Ready(Some(Err(error))) => self.note(State::after(error)),
            Poll::Pending => self.flush_counts(),
        }
        polled
    }
}

impl Sink<Message> for WebSocket {
    type Error = Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let polled = Pin::new(&mut self.inner).poll_ready(cx);
        polled.map(|result| self.note_result(result))
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        let is_close = matches!(message, Message::Close(_));
        let chunk = match &message {
            Message::Text(text) => Some(text.len()),
            Message::Binary(bytes) => Some(bytes.len()),
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) => None,
        };
        let result = Pin::new(&mut self.inner).start_send(message);
        self.note_result(result)?;
        if let (Some(recorder), Some(size)) = (&mut self.recorder, chunk) {
            recorder.record_item(size, None);
        }
        if is_close {
            self.note(State::Closed);
        }
        Ok(())
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let polled = Pin::new(&mut self.inner).poll_flush(cx);
        self.flush_counts();
        polled.map(|result| self.note_result(result))
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let polled = Pin::new(&mut self.inner).poll_close(cx);
        polled.map(|result| {
            let result = self.note_result(result);
            self.note(State::Closed);
            result
        })
    }
}

impl Drop for WebSocket {
    fn drop(&mut self) {
        let Some(recorder) = &mut self.recorder else { return };
        if thread::panicking() && self.state != State::Failed {
            // A recorder whose source has not returned from a poll records a panic.
            drop(recorder.begin_poll());
        } else if matches!(self.state, State::Open | State::Closed) {
            recorder.record_end();
        }
    }
}

impl fmt::Debug for WebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket").field("protocol", &self.protocol()).finish_non_exhaustive()
    }
}
