//! An upstream that a test scripts byte by byte, and the proxy in front of it.

use std::future::Future;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use streamgauge::{Metrics, MetricsBuilder};
use streamgauge_examples::llm_gateway::proxy::{self, Settings, Upstream};
use streamgauge_test_support::{Scrape, assert_identities};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Longer than any wait of a passing test.
const DEADLINE: Duration = Duration::from_secs(20);

/// Awaits a future, and panics after 20 seconds.
pub(crate) async fn within_deadline<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.expect("no timeout")
}

/// A running gateway.
pub(crate) struct Gateway {
    pub(crate) metrics: Metrics,
    pub(crate) address: SocketAddr,
}

impl Gateway {
    /// Serves an application that is built with the gateway's metrics.
    pub(crate) async fn serve(app: impl FnOnce(&Metrics) -> Router) -> Self {
        Self::serve_with(Metrics::builder(), app).await
    }

    /// Serves an application whose metrics have these settings.
    pub(crate) async fn serve_with(
        settings: MetricsBuilder,
        app: impl FnOnce(&Metrics) -> Router,
    ) -> Self {
        let metrics = settings.build().expect("the settings are valid");
        let listener = listen().await;
        let address = listener.local_addr().expect("the listener is bound");
        let app = app(&metrics);
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { metrics, address }
    }

    /// Serves a proxy in front of an upstream.
    pub(crate) async fn proxy(settings: Settings) -> Self {
        Self::proxy_with_fallbacks(settings, []).await
    }

    /// Serves a proxy in front of an upstream, and of others in case that it fails.
    pub(crate) async fn proxy_with_fallbacks(
        settings: Settings,
        fallbacks: impl IntoIterator<Item = Settings>,
    ) -> Self {
        let upstream = |provider: String, settings| {
            let settings = Settings { provider, ..settings };
            Upstream::new(&settings).expect("the settings are valid")
        };
        let first = upstream("house".to_owned(), settings);
        let fallbacks = (1..).zip(fallbacks);
        let fallbacks = fallbacks.map(|(n, settings)| upstream(format!("fallback-{n}"), settings));
        let fallbacks = fallbacks.collect();
        Self::serve(|metrics| proxy::app(first, fallbacks, metrics)).await
    }

    /// Waits until this many requests are counted and none is active, and returns the metrics. The
    /// client may see the end of a response before the proxy has recorded that end.
    pub(crate) async fn at_rest(&self, requests: i64) -> Scrape {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let scrape = Scrape::of(&self.metrics);
            if scrape.sum("app_http_requests_total", &[]) == requests
                && scrape.sum("app_active_requests", &[]) == 0
                && scrape.sum("app_active_streams", &[]) == 0
            {
                assert_identities(&scrape);
                return scrape;
            }
            assert!(
                Instant::now() < deadline,
                "requests are active or not yet counted: {scrape:#?}"
            );
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

/// An upstream that sends only the bytes that a test gives it.
pub(crate) struct ScriptedUpstream(TcpListener);

impl ScriptedUpstream {
    pub(crate) async fn new() -> Self {
        Self(listen().await)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/v1", self.0.local_addr().expect("the listener is bound"))
    }

    /// Accepts the next connection.
    pub(crate) async fn accept(&self) -> UpstreamConnection {
        let (socket, _) = within_deadline(self.0.accept()).await.expect("a connection is taken");
        UpstreamConnection { socket, read: Vec::new() }
    }

    /// Reads one request, sends these bytes, closes the connection and returns the request head.
    pub(crate) async fn answer(&self, reply: impl AsRef<[u8]>) -> String {
        let mut connection = self.accept().await;
        let head = connection.request().await;
        connection.write(reply).await;
        head
    }
}

/// One connection from the proxy to the upstream.
pub(crate) struct UpstreamConnection {
    socket: TcpStream,
    read: Vec<u8>,
}

impl UpstreamConnection {
    /// Reads and returns a request head.
    pub(crate) async fn head(&mut self) -> String {
        self.until(b"\r\n\r\n").await
    }

    /// Reads a request, with its body if it has a `content-length`, and returns its head.
    pub(crate) async fn request(&mut self) -> String {
        let head = self.head().await;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length = length.map_or(0, |length| length.parse().expect("the length is a number"));
        while self.read.len() < length {
            assert_ne!(self.read_more().await, 0, "the request is complete");
        }
        self.read.drain(..length);
        head
    }

    /// Reads up to and including these bytes, and returns the text.
    pub(crate) async fn until(&mut self, end: &[u8]) -> String {
        loop {
            if let Some(place) = self.read.windows(end.len()).position(|window| window == end) {
                let text = self.read.drain(..place + end.len()).collect();
                return String::from_utf8(text).expect("sample requests are UTF-8");
            }
            assert_ne!(self.read_more().await, 0, "the connection continues");
        }
    }

    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        within_deadline(self.socket.write_all(bytes.as_ref())).await.expect("the proxy reads");
    }

    /// Sends one chunk of a reply that began with [`STREAM_HEAD`](crate::samples::STREAM_HEAD).
    pub(crate) async fn chunk(&mut self, data: &str) {
        self.write(chunk(data)).await;
    }

    /// Waits until the proxy has closed the connection.
    pub(crate) async fn closed(&mut self) {
        while self.read_more().await > 0 {}
    }

    async fn read_more(&mut self) -> usize {
        within_deadline(self.socket.read_buf(&mut self.read)).await.unwrap_or(0)
    }
}

/// Formats a response with a `content-length`.
pub(crate) fn fixed_reply(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}

/// Encodes data as one chunk of a chunked body.
pub(crate) fn chunk(data: &str) -> String {
    format!("{:x}\r\n{data}\r\n", data.len())
}

async fn listen() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.expect("a port is free")
}
