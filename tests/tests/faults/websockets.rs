//! Web sockets, which are active streams until they end.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::http::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use futures_util::{SinkExt, StreamExt};
use hyper::client::conn::http2;
use hyper::ext::Protocol;
use hyper::upgrade::Upgraded;
use hyper_util::rt::{TokioExecutor, TokioIo};
use socket2::SockRef;
use streamgauge::ws::{MeteredUpgrade, WebSocket};
use streamgauge::{Metrics, RequestLabel, request_label, streaming_metrics};
use streamgauge_test_support::Scrape;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message as ClientMessage;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::server::{Server, ended, serve};

async fn echo(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        if socket.send(message).await.is_err() {
            break;
        }
    }
}

/// Echoes through the two halves of a socket.
async fn echo_split(socket: WebSocket) {
    let (sink, stream) = socket.split();
    let is_message = |message: &Message| matches!(message, Message::Text(_) | Message::Binary(_));
    let messages = stream.filter(|message| {
        std::future::ready(message.as_ref().is_ok_and(is_message) || message.is_err())
    });
    let _ = messages.forward(sink).await;
}

async fn greet(mut socket: WebSocket) {
    let _ = socket.send(Message::text("hello")).await;
}

async fn fail(mut socket: WebSocket) {
    socket.recv().await;
    panic!("a panic that the test wants");
}

#[streaming_metrics(endpoint = "/named", model = "small-1")]
async fn named(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_metered_upgrade(echo)
}

#[streaming_metrics(endpoint = "/opaque", model = "small-1")]
async fn opaque(upgrade: WebSocketUpgrade) -> impl IntoResponse {
    upgrade.on_metered_upgrade(echo)
}

#[streaming_metrics]
async fn unmetered(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|mut socket| async move { while socket.recv().await.is_some() {} })
}

#[streaming_metrics]
async fn unmetered_opaque(upgrade: WebSocketUpgrade) -> impl IntoResponse {
    upgrade.on_upgrade(|mut socket| async move { while socket.recv().await.is_some() {} })
}

#[streaming_metrics]
async fn unmetered_in_tuple(
    upgrade: WebSocketUpgrade,
) -> ([(&'static str, &'static str); 1], Response) {
    let response =
        upgrade.on_upgrade(|mut socket| async move { while socket.recv().await.is_some() {} });
    ([("x-kind", "chat")], response)
}

async fn labelled(upgrade: WebSocketUpgrade) -> Response {
    request_label::set("plan", "paid");
    upgrade.protocols(["chat"]).max_message_size(16).on_metered_upgrade(echo)
}

async fn start() -> Server {
    let plan = RequestLabel::new("plan").values(["paid"]);
    let metrics = Metrics::builder().request_label(plan).build().expect("valid settings");
    let router = Router::new()
        .route("/echo", any(|up: WebSocketUpgrade| async { up.on_metered_upgrade(echo) }))
        .route("/split", any(|up: WebSocketUpgrade| async { up.on_metered_upgrade(echo_split) }))
        .route("/greet", any(|up: WebSocketUpgrade| async { up.on_metered_upgrade(greet) }))
        .route("/panic", any(|up: WebSocketUpgrade| async { up.on_metered_upgrade(fail) }))
        .route("/labelled", any(labelled))
        .route("/route-of-named", any(named))
        .route("/route-of-opaque", any(opaque))
        .route("/unmetered", any(unmetered))
        .route("/unmetered-opaque", any(unmetered_opaque))
        .route("/unmetered-tuple", any(unmetered_in_tuple))
        .layer(metrics.layer());
    Server { address: serve(router).await, metrics }
}

async fn connect(server: &Server, path: &str) -> WebSocketStream<TcpStream> {
    let socket = TcpStream::connect(server.address).await.expect("the server listens");
    let (client, response) =
        client_async(format!("ws://{}{path}", server.address), socket).await.expect("an upgrade");
    assert_eq!(response.status(), 101);
    client
}

async fn active(server: &Server, endpoint: &str, streams: i64) -> Scrape {
    let labels = [("endpoint", endpoint)];
    server.until(|scrape| scrape.sum("app_active_streams", &labels) == streams).await
}

/// Waits until one stream has ended, and checks its outcome and that nothing is left open.
async fn one_stream(server: &Server, endpoint: &str, outcome: &str) -> Scrape {
    const ENDED: &str = "app_stream_duration_seconds_count";
    let scrape = server.until(|scrape| scrape.sum(ENDED, &[]) >= 1).await;
    let labels = [("endpoint", endpoint), ("outcome", outcome)];
    assert_eq!(scrape.sum(ENDED, &labels), 1, "{endpoint} {outcome} {scrape:#?}");
    assert_eq!(scrape.sum(ENDED, &[]), 1);
    assert_eq!(scrape.sum("app_active_streams", &[]), 0);
    assert_eq!(scrape.sum("app_active_requests", &[]), 0);
    scrape
}

async fn exchange<S>(client: &mut WebSocketStream<S>, text: &str)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    client.send(ClientMessage::text(text)).await.expect("the socket is open");
    let echoed = client.next().await.expect("the socket is open").expect("no error");
    assert_eq!(echoed, ClientMessage::text(text));
}

#[tokio::test]
async fn websocket_is_an_active_stream_until_it_is_closed() {
    for path in ["/echo", "/split"] {
        let server = start().await;
        let mut client = connect(&server, path).await;
        let scrape = active(&server, path, 1).await;
        assert_eq!(ended(&scrape, path, "101", "success"), 1);
        assert_eq!(scrape.sum("app_active_requests", &[]), 0);
        exchange(&mut client, "one").await;
        exchange(&mut client, "three").await;
        client.send(ClientMessage::Ping("control".into())).await.expect("the socket is open");
        while !client.next().await.expect("open").expect("no error").is_pong() {}
        // Counts are visible while the socket is open and idle.
        server.until(|scrape| scrape.sum("app_stream_chunks_total", &[]) == 2).await;
        active(&server, path, 1).await;
        client.close(None).await.expect("the socket is open");
        while client.next().await.is_some() {}
        let scrape = one_stream(&server, path, "complete").await;
        assert_eq!(scrape.sum("app_stream_chunks_total", &[("endpoint", path)]), 2);
        assert_eq!(scrape.sum("app_stream_bytes_total", &[("endpoint", path)]), 8);
        assert_eq!(scrape.sum("app_time_to_first_chunk_seconds_count", &[]), 1);
        assert_eq!(scrape.sum("app_inter_chunk_seconds_count", &[]), 1);
        assert_eq!(scrape.sum("app_stream_errors_total", &[]), 0);
    }
}

async fn connect_over_http2(server: &Server, path: &str) -> WebSocketStream<TokioIo<Upgraded>> {
    let socket = TcpStream::connect(server.address).await.expect("the server listens");
    let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(socket));
    let (mut connection, driver) = handshake.await.expect("the server speaks HTTP/2");
    tokio::spawn(driver);
    let request = || {
        Request::connect(format!("http://here{path}"))
            .extension(Protocol::from_static("websocket"))
            .header("sec-websocket-version", "13")
            .body(Body::empty())
            .expect("the request is well formed")
    };
    // The server must have said that it accepts the protocol.
    let response = loop {
        connection.ready().await.expect("the connection is open");
        match connection.send_request(request()).await {
            Ok(response) => break response,
            Err(error) => assert!(error.is_user(), "{error}"),
        }
    };
    assert_eq!(response.status(), 200);
    let upgraded = hyper::upgrade::on(response).await.expect("an upgrade");
    let upgraded = TokioIo::new(upgraded);
    WebSocketStream::from_raw_socket(upgraded, Role::Client, None).await
}

#[tokio::test]
async fn websocket_over_http2_is_an_active_stream_until_it_is_closed() {
    for (path, endpoint) in
        [("/echo", "/echo"), ("/route-of-named", "/named"), ("/route-of-opaque", "/opaque")]
    {
        let server = start().await;
        let mut client = connect_over_http2(&server, path).await;
        exchange(&mut client, "one").await;
        let scrape = active(&server, endpoint, 1).await;
        assert_eq!(ended(&scrape, path, "200", "success"), 1);
        client.close(None).await.expect("the socket is open");
        while client.next().await.is_some() {}
        let scrape = one_stream(&server, endpoint, "complete").await;
        assert_eq!(scrape.sum("app_stream_chunks_total", &[]), 1);
    }
}

#[tokio::test]
async fn websocket_that_the_server_drops_is_complete() {
    let server = start().await;
    let mut client = connect(&server, "/greet").await;
    let hello = client.next().await.expect("the socket is open").expect("no error");
    assert_eq!(hello, ClientMessage::text("hello"));
    let scrape = one_stream(&server, "/greet", "complete").await;
    assert_eq!(scrape.sum("app_stream_chunks_total", &[]), 1);
}

#[tokio::test]
async fn websocket_that_is_cut_is_a_client_disconnect() {
    for reset in [true, false] {
        for path in ["/echo", "/split"] {
            let server = start().await;
            let mut client = connect(&server, path).await;
            exchange(&mut client, "one").await;
            active(&server, path, 1).await;
            let socket = client.into_inner();
            if reset {
                let linger = Some(Duration::ZERO);
                SockRef::from(&socket).set_linger(linger).expect("the socket is valid");
            }
            drop(socket);
            let scrape = one_stream(&server, path, "client_disconnect").await;
            assert_eq!(scrape.sum("app_stream_errors_total", &[]), 0);
        }
    }
}

#[tokio::test]
async fn websocket_with_a_message_above_the_limit_is_a_stream_error() {
    let server = start().await;
    let mut client = connect(&server, "/labelled").await;
    client.send(ClientMessage::text("x".repeat(17))).await.expect("the socket is open");
    let scrape = one_stream(&server, "/labelled", "stream_error").await;
    let errors = [("endpoint", "/labelled"), ("error_type", "WebSocketError")];
    assert_eq!(scrape.sum("app_stream_errors_total", &errors), 1);
    assert_eq!(scrape.sum("app_stream_errors_total", &[]), 1);
    let labels = [("plan", "paid"), ("outcome", "stream_error")];
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &labels), 1);
}

#[tokio::test]
async fn websocket_whose_task_panics_is_a_panic() {
    let server = start().await;
    let mut client = connect(&server, "/panic").await;
    client.send(ClientMessage::text("one")).await.expect("the socket is open");
    one_stream(&server, "/panic", "panic").await;
}

#[tokio::test]
async fn websocket_is_recorded_at_the_endpoint_and_the_model_of_the_attribute() {
    for (path, endpoint) in [("/route-of-named", "/named"), ("/route-of-opaque", "/opaque")] {
        let server = start().await;
        let mut client = connect(&server, path).await;
        exchange(&mut client, "one").await;
        active(&server, endpoint, 1).await;
        client.close(None).await.expect("the socket is open");
        while client.next().await.is_some() {}
        let scrape = one_stream(&server, endpoint, "complete").await;
        let labels = [("endpoint", endpoint), ("model", "small-1")];
        assert_eq!(scrape.sum("app_time_to_first_chunk_seconds_count", &labels), 1);
    }
}

#[tokio::test]
async fn websocket_of_axum_is_not_recorded_as_a_stream() {
    for path in ["/unmetered", "/unmetered-opaque"] {
        let server = start().await;
        let mut client = connect(&server, path).await;
        client.close(None).await.expect("the socket is open");
        while client.next().await.is_some() {}
        let scrape = server.until(|scrape| scrape.sum("app_http_requests_total", &[]) == 1).await;
        assert_eq!(ended(&scrape, path, "101", "success"), 1);
        assert_eq!(scrape.sum("app_stream_duration_seconds_count", &[]), 0, "{path}");
        assert_eq!(scrape.sum("app_active_streams", &[]), 0, "{path}");
    }
}

#[tokio::test]
async fn websocket_of_axum_over_http2_is_not_recorded_as_a_stream() {
    for path in ["/unmetered", "/unmetered-opaque", "/unmetered-tuple"] {
        let server = start().await;
        let mut client = connect_over_http2(&server, path).await;
        client.close(None).await.expect("the socket is open");
        while client.next().await.is_some() {}
        let scrape = server.until(|scrape| scrape.sum("app_http_requests_total", &[]) == 1).await;
        assert_eq!(ended(&scrape, path, "200", "success"), 1);
        assert_eq!(scrape.sum("app_stream_duration_seconds_count", &[]), 0, "{path}");
        assert_eq!(scrape.sum("app_active_streams", &[]), 0, "{path}");
    }
}
