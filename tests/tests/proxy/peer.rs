//! An upstream that a test plays by hand, and the proxy in front of it.

use std::future::Future;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use streamgauge::Metrics;
use streamgauge_examples::llm_gateway::proxy::{self, Settings, Upstream};
use streamgauge_test_support::Scrape;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Nothing here takes long, unless it never comes.
const PATIENCE: Duration = Duration::from_secs(20);

/// What comes soon.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it comes soon")
}

/// A running gateway.
pub(crate) struct Gateway {
    pub(crate) metrics: Metrics,
    pub(crate) address: SocketAddr,
}

impl Gateway {
    /// One whose routes are made with its metrics.
    pub(crate) async fn of(app: impl FnOnce(&Metrics) -> Router) -> Self {
        let metrics = Metrics::builder().build().expect("default settings are valid");
        let listener = listen().await;
        let address = listener.local_addr().expect("it is bound");
        let app = app(&metrics);
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { metrics, address }
    }

    /// A proxy.
    pub(crate) async fn proxy(settings: Settings) -> Self {
        let settings = Settings { provider: "house".to_owned(), ..settings };
        let upstream = Upstream::new(&settings).expect("the settings are valid");
        Self::of(|metrics| proxy::app(upstream, metrics)).await
    }

    /// The metrics once this many requests are counted and nothing is open. The client may be told of a
    /// reply's end before it is counted.
    pub(crate) async fn at_rest(&self, requests: i64) -> Scrape {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let scrape = Scrape::of(&self.metrics);
            if scrape.sum("app_http_requests_total", &[]) == requests
                && scrape.sum("app_active_requests", &[]) == 0
                && scrape.sum("app_active_streams", &[]) == 0
            {
                return scrape;
            }
            assert!(Instant::now() < deadline, "not at rest: {scrape:#?}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

/// The upstream, which answers nothing by itself.
pub(crate) struct Script(TcpListener);

impl Script {
    pub(crate) async fn new() -> Self {
        Self(listen().await)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/v1", self.0.local_addr().expect("it is bound"))
    }

    /// The next connection.
    pub(crate) async fn accept(&self) -> Peer {
        let (socket, _) = soon(self.0.accept()).await.expect("a connection is taken");
        Peer { socket, read: Vec::new() }
    }

    /// Takes one request and answers it with these bytes, after which the connection ends.
    pub(crate) async fn answer(&self, reply: impl AsRef<[u8]>) -> String {
        let mut peer = self.accept().await;
        let head = peer.request().await;
        peer.say(reply).await;
        head
    }
}

/// One connection of the proxy.
pub(crate) struct Peer {
    socket: TcpStream,
    read: Vec<u8>,
}

impl Peer {
    /// Reads up to the end of a request's head, which is given.
    pub(crate) async fn head(&mut self) -> String {
        self.until(b"\r\n\r\n").await
    }

    /// Reads a request whose length is stated, if it has a body; its head is given.
    pub(crate) async fn request(&mut self) -> String {
        let head = self.head().await;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length = length.map_or(0, |length| length.parse().expect("it is a number"));
        while self.read.len() < length {
            assert_ne!(self.more().await, 0, "the request is whole");
        }
        self.read.drain(..length);
        head
    }

    /// Reads until these bytes have come.
    pub(crate) async fn until(&mut self, end: &[u8]) -> String {
        loop {
            if let Some(place) = self.read.windows(end.len()).position(|window| window == end) {
                let text = self.read.drain(..place + end.len()).collect();
                return String::from_utf8(text).expect("requests here are text");
            }
            assert_ne!(self.more().await, 0, "there is more to come");
        }
    }

    pub(crate) async fn say(&mut self, bytes: impl AsRef<[u8]>) {
        soon(self.socket.write_all(bytes.as_ref())).await.expect("the proxy listens");
    }

    /// Sends one chunk of a reply that began with [`STREAM_HEAD`](crate::samples::STREAM_HEAD).
    pub(crate) async fn chunk(&mut self, data: &str) {
        self.say(chunk(data)).await;
    }

    /// Waits until the proxy has closed the connection.
    pub(crate) async fn left(&mut self) {
        while self.more().await > 0 {}
    }

    async fn more(&mut self) -> usize {
        soon(self.socket.read_buf(&mut self.read)).await.unwrap_or(0)
    }
}

/// A reply of known length.
pub(crate) fn whole(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}

/// Data in chunked coding.
pub(crate) fn chunk(data: &str) -> String {
    format!("{:x}\r\n{data}\r\n", data.len())
}

async fn listen() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.expect("the system has a port")
}
