//! The end of the streams of viewers, so that servers with open pages can stop.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::http::{Method, StatusCode, header};
use http_body_util::BodyExt;
use streamgauge::{LivePage, Metrics};
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::{get, metrics, send};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::{Instant, timeout};

use super::{EVENTS, Events};

/// Longer than any wait of a passing test.
const DEADLINE: Duration = Duration::from_secs(60);

fn app(live: &LivePage) -> Router {
    Router::new().nest_service("/metrics/live", live.clone())
}

/// A connection to a server, over a socket.
struct Connection {
    socket: TcpStream,
    received: String,
}

impl Connection {
    async fn request(address: SocketAddr, path: &str) -> Self {
        let mut socket = TcpStream::connect(address).await.expect("the server listens");
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
        socket.write_all(request.as_bytes()).await.expect("the server reads the request");
        Self { socket, received: String::new() }
    }

    /// Reads until the server has sent this text.
    async fn read_until(&mut self, text: &str) {
        while !self.received.contains(text) {
            let mut bytes = [0; 4096];
            let read = timeout(DEADLINE, self.socket.read(&mut bytes)).await;
            let length = read.expect("the server sends").expect("the connection is not reset");
            assert_ne!(length, 0, "the connection has ended: {}", self.received);
            self.received.push_str(&String::from_utf8_lossy(&bytes[..length]));
        }
    }

    /// Opens the stream of a live page and reads its first reading.
    async fn viewer(address: SocketAddr) -> Self {
        let mut viewer = Self::request(address, EVENTS).await;
        viewer.read_until("event: reading\n").await;
        viewer
    }

    /// Returns what the server has sent when the connection has ended.
    async fn read_to_end(mut self) -> String {
        let read = timeout(DEADLINE, self.socket.read_to_string(&mut self.received)).await;
        read.expect("the connection ends").expect("the connection is not reset");
        self.received
    }

    /// Waits for the end of a body of unknown length, which a lost connection does not have.
    async fn assert_ends_cleanly(self) {
        let received = self.read_to_end().await;
        assert!(received.ends_with("\r\n0\r\n\r\n"), "{received}");
    }
}

#[tokio::test(start_paused = true)]
async fn closed_page_ends_its_streams_at_once() {
    let live = metrics().live();
    let app = app(&live);
    let mut viewers = [Events::open(&app).await, Events::open(&app).await];
    for viewer in &mut viewers {
        viewer.next("describe").await;
        viewer.reading().await;
    }
    let mut unread = Events::open(&app).await;
    let [first, second] = &mut viewers;
    let start = Instant::now();
    let close = async {
        // The viewers are waiting for their next reading.
        yield_now().await;
        live.clone().close();
    };
    let (first_end, second_end, ()) = tokio::join!(first.body.frame(), second.body.frame(), close);
    assert!(first_end.is_none() && second_end.is_none());
    assert!(unread.body.frame().await.is_none(), "the stream ends before its first event");
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert!(first.body.frame().await.is_none(), "the end stays the end");
}

#[tokio::test(start_paused = true)]
async fn closed_page_refuses_viewers_and_serves_its_files() {
    let live = metrics().live();
    let app = app(&live);
    live.close();
    live.close();
    let refused = send(&app, Method::GET, EVENTS).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()[header::RETRY_AFTER], "5");
    assert_eq!(get(&app, EVENTS).await.1, "the live page is closed\n");
    assert_eq!(get(&app, "/metrics/live/").await.0, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn closed_page_leaves_other_pages_of_the_instance_open_and_gives_them_its_places() {
    let metrics = Metrics::builder().max_viewers(2).build().expect("the setting is valid");
    let (one, other) = (metrics.live(), metrics.live());
    let mut left = Events::open(&app(&one)).await;
    let mut viewer = Events::open(&app(&other)).await;
    viewer.next("describe").await;
    viewer.reading().await;
    one.close();
    assert!(left.body.frame().await.is_none());
    drop(left);
    viewer.reading().await;
    Events::first_reading(&app(&other)).await;
    Events::first_reading(&app(&metrics.live())).await;
}

#[tokio::test(start_paused = true)]
async fn stream_outlives_the_router_and_all_pages_but_its_own() {
    let app = app(&metrics().live());
    let mut viewer = Events::open(&app).await;
    drop(app);
    viewer.next("describe").await;
    viewer.reading().await;
    viewer.reading().await;
}

#[tokio::test]
async fn graceful_shutdown_ends_with_an_open_page_that_is_closed() {
    let live = metrics().live();
    let app = app(&live);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("the listener is bound");
    let (stop, stopped) = oneshot::channel::<()>();
    let (go_on, goes_on) = oneshot::channel::<()>();
    let (closing, closed) = oneshot::channel::<()>();
    let signal = async move {
        stopped.await.expect("the test sends");
        live.close();
        closing.send(()).expect("the test receives");
        goes_on.await.expect("the test sends");
    };
    let server = axum::serve(listener, app).with_graceful_shutdown(signal);
    let server = tokio::spawn(async move { server.await });

    let viewer = Connection::viewer(address).await;
    stop.send(()).expect("the server runs");
    closed.await.expect("the server is told to stop");
    // A browser may connect again before the server has stopped to accept connections.
    let mut again = Connection::request(address, EVENTS).await;
    again.read_until("\r\n\r\nthe live page is closed\n").await;
    assert!(again.received.starts_with("HTTP/1.1 503"), "{}", again.received);
    go_on.send(()).expect("the server runs");
    viewer.assert_ends_cleanly().await;
    let ended = timeout(DEADLINE, server).await.expect("the server stops");
    drop(ended.expect("the server does not panic"));
    again.read_to_end().await;
}

#[tokio::test]
async fn metrics_server_serves_the_live_page_on_request() {
    let metrics = metrics();
    let server = metrics.serve("127.0.0.1:0").with_live_page().await.expect("a port is free");
    let address = server.local_addr();
    for (path, status, content) in [
        ("/metrics", "200", "content-type: text/plain"),
        ("/metrics/live", "308", "location: ./live/\r\n"),
        ("/metrics/live/", "200", "<!doctype html>"),
        ("/metrics/live/live.js", "200", "import "),
        (EVENTS, "200", "event: describe\n"),
    ] {
        let mut connection = Connection::request(address, path).await;
        connection.read_until(content).await;
        let received = connection.received;
        assert!(received.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {received}");
        let has_headers = received.contains("content-security-policy: default-src 'self'\r\n");
        assert_eq!(has_headers, path != "/metrics", "{path}: {received}");
    }
    assert_eq!(Scrape::of(&metrics).sum("app_http_requests_total", &[]), 0);
    server.stop().await;
}

#[tokio::test]
async fn metrics_server_without_the_option_has_no_live_page() {
    let server = metrics().serve("127.0.0.1:0").await.expect("a port is free");
    for path in ["/metrics/live", "/metrics/live/", EVENTS] {
        let mut connection = Connection::request(server.local_addr(), path).await;
        connection.read_until("\r\n\r\n").await;
        assert!(connection.received.starts_with("HTTP/1.1 404 "), "{}", connection.received);
    }
    server.stop().await;
}

#[tokio::test]
async fn metrics_server_with_open_live_pages_stops_before_its_timeout() {
    let metrics = metrics();
    let server = metrics.serve("127.0.0.1:0").with_live_page().await.expect("a port is free");
    let address = server.local_addr();
    let viewers = [Connection::viewer(address).await, Connection::viewer(address).await];
    let elsewhere = app(&metrics.live());
    let mut other = Events::open(&elsewhere).await;
    other.next("describe").await;
    let start = std::time::Instant::now();
    server.stop().await;
    // The timeout is five seconds.
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    for viewer in viewers {
        viewer.assert_ends_cleanly().await;
    }
    other.reading().await;
    Events::first_reading(&elsewhere).await;
}
