//! Starts the fault server on a free port, and sends raw HTTP over TCP.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use socket2::SockRef;
use streamgauge::{Metrics, MetricsBuilder};
use streamgauge_test_support::{Scrape, assert_identities};
use streamgauge_tests::fault_server;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const REQUESTS: &str = "app_http_requests_total";

/// A running fault server and its metrics.
pub(crate) struct Server {
    pub(crate) metrics: Metrics,
    pub(crate) address: SocketAddr,
}

/// Serves a router on a free port and returns its address.
pub(crate) async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("the listener is bound");
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(Metrics::builder()).await
    }

    /// Starts a server with other settings.
    pub(crate) async fn with(settings: MetricsBuilder) -> Self {
        let metrics = settings.build().expect("the settings are valid");
        let address = serve(fault_server::app(&metrics)).await;
        Self { metrics, address }
    }

    /// Opens a connection and sends a request on it.
    pub(crate) async fn send(&self, request: &str) -> Client {
        Client::send(self.address, request.as_bytes()).await
    }

    /// Sends a `GET` and reads the complete response.
    pub(crate) async fn get(&self, path: &str) -> String {
        self.send(&get(path, "connection: close\r\n")).await.rest().await
    }

    /// Scrapes until the metrics are as expected. Only the metrics show when the server has noticed
    /// the end of a connection.
    pub(crate) async fn until(&self, expected: impl Fn(&Scrape) -> bool) -> Scrape {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let scrape = Scrape::of(&self.metrics);
            if expected(&scrape) {
                return scrape;
            }
            assert!(
                Instant::now() < deadline,
                "the metrics are not as expected after 20 s: {scrape:#?}"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until this many requests of an endpoint are active.
    pub(crate) async fn serving(&self, endpoint: &str, requests: i64) {
        let labels = [("endpoint", endpoint)];
        self.until(|scrape| scrape.sum("app_active_requests", &labels) == requests).await;
    }

    /// Waits until this many requests have ended and none is active, then checks durations and
    /// labels.
    pub(crate) async fn at_rest(&self, requests: i64) -> Scrape {
        let scrape = self
            .until(|scrape| {
                scrape.sum(REQUESTS, &[]) >= requests && scrape.sum("app_active_requests", &[]) == 0
            })
            .await;
        assert_eq!(scrape.sum(REQUESTS, &[]), requests);
        assert_identities(&scrape);
        assert_bounded(&scrape);
        scrape
    }
}

/// Returns the number of requests of an endpoint with this status and outcome.
pub(crate) fn ended(scrape: &Scrape, endpoint: &str, status: &str, outcome: &str) -> i64 {
    let labels = [("endpoint", endpoint), ("status", status), ("outcome", outcome)];
    scrape.sum(REQUESTS, &labels)
}

/// Checks that every label has an allowed value.
pub(crate) fn assert_bounded(scrape: &Scrape) {
    let allowed = |label: &str, values: &[&str]| {
        for value in scrape.all_values(label) {
            assert!(values.contains(&value), "{label} is {value:?}");
        }
    };
    allowed(
        "method",
        &["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "_OTHER"],
    );
    allowed(
        "endpoint",
        &[
            "/ok",
            "/plain",
            "/items/{id}",
            "/files/{*rest}",
            "/slow",
            "/echo",
            "/bytes",
            "/ws",
            "/named",
            "/opaque",
            "/err",
            "/fail",
            "/panic",
            "/sse",
            "/stream",
            "/stream-err",
            "/stream-panic",
            "/tokens",
            "/tokens-spawned",
            "/tokens-stream",
            "/api/v1/users/{user}/orders/{order}",
            "/svc/n/{id}",
            "/svc",
            "/metrics",
            "unmatched",
        ],
    );
    let request_outcomes = ["success", "client_error", "server_error", "cancelled", "panic"];
    let stream_outcomes = ["complete", "client_disconnect", "stream_error"];
    let call_outcomes = ["success", "error", "cancelled", "truncated"];
    let outcomes = [&request_outcomes[..], &stream_outcomes[..], &call_outcomes[..]].concat();
    allowed("outcome", &outcomes);
    let call_errors = [
        "",
        "rate_limited",
        "overloaded",
        "timeout",
        "connect",
        "auth",
        "not_found",
        "invalid_request",
        "server_error",
        "protocol",
        "content_filter",
        "truncated",
        "panic",
        "other",
    ];
    let error_types = ["client", "server", "stream", "panic", "io::Error"];
    allowed("error_type", &[&error_types[..], &call_errors[..]].concat());
    allowed("exception_type", &["A", "B", "C", "StatusCode", "BodyError", "panic"]);
    for status in scrape.all_values("status") {
        assert!(status.len() == 3 && status.parse::<u16>().is_ok(), "status is {status:?}");
    }
}

/// Formats a `GET` request with additional header lines.
pub(crate) fn get(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: here\r\n{headers}\r\n")
}

/// One TCP connection to a server.
pub(crate) struct Client(TcpStream);

impl Client {
    pub(crate) async fn send(address: SocketAddr, request: &[u8]) -> Self {
        let mut client = Self(TcpStream::connect(address).await.expect("the server listens"));
        client.write(request).await;
        client
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.expect("the server accepts the bytes");
    }

    /// Writes bytes and ignores errors, for a server that may have closed the connection.
    pub(crate) async fn try_write(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes).await;
    }

    /// Reads until the received bytes contain a text.
    pub(crate) async fn read_to(&mut self, text: &str) -> String {
        let mut read = Vec::new();
        while !String::from_utf8_lossy(&read).contains(text) {
            let mut piece = [0; 1024];
            let bytes = self.0.read(&mut piece).await.expect("the connection is open");
            assert!(bytes > 0, "no {text:?} in {:?}", String::from_utf8_lossy(&read));
            read.extend_from_slice(&piece[..bytes]);
        }
        String::from_utf8_lossy(&read).into_owned()
    }

    /// Reads until the connection ends, by a close or by an error.
    pub(crate) async fn rest(mut self) -> String {
        let mut read = Vec::new();
        let _ = self.0.read_to_end(&mut read).await;
        String::from_utf8_lossy(&read).into_owned()
    }

    /// Reads exactly this many bytes.
    pub(crate) async fn read(&mut self, bytes: usize) {
        let mut read = vec![0; bytes];
        self.0.read_exact(&mut read).await.expect("the server sends that much");
    }

    /// Closes the connection with a TCP reset (`RST`).
    pub(crate) fn reset(self) {
        SockRef::from(&self.0).set_linger(Some(Duration::ZERO)).expect("the socket is valid");
    }

    /// Closes the sending half of the connection (`FIN`); the server may still send.
    pub(crate) async fn finish(&mut self) {
        self.0.shutdown().await.expect("the connection is open");
    }
}
