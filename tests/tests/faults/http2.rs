//! HTTP/2: many requests on one connection, each with an outcome of its own.

use std::net::Shutdown;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, Response, StatusCode};
use futures_util::{FutureExt, StreamExt, future, stream};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use socket2::SockRef;
use streamgauge_test_support::Scrape;
use tokio::net::TcpStream;
use tokio::sync::mpsc::{self, Sender};
use tokio::task::JoinHandle;

use crate::server::{Server, ended};

async fn connect(server: &Server) -> SendRequest<Body> {
    let socket = TcpStream::connect(server.address).await.expect("the server listens");
    let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(socket));
    let (client, connection) = handshake.await.expect("the server speaks HTTP/2");
    tokio::spawn(connection);
    client
}

fn request(path: &str, body: Body) -> Request<Body> {
    let request = Request::post(format!("http://here{path}"));
    request.body(body).expect("the request is well formed")
}

async fn get(client: &mut SendRequest<Body>, path: &str) -> hyper::Result<Response<Incoming>> {
    client.ready().await?;
    let mut request = request(path, Body::empty());
    *request.method_mut() = axum::http::Method::GET;
    client.send_request(request).await
}

async fn read_body(response: Response<Incoming>) -> Bytes {
    response.into_body().collect().await.expect("the body does not fail").to_bytes()
}

#[tokio::test]
async fn http2_requests_of_one_connection_are_counted_separately() {
    let server = Server::start().await;
    let client = connect(&server).await;
    let requests = (0..200).map(|number| {
        let mut client = client.clone();
        async move {
            let path = match number % 4 {
                0 => "/items/1",
                1 => "/stream?n=3&ms=1",
                2 => "/bytes?n=1000&chunks=10",
                _ => "/err?status=404",
            };
            read_body(get(&mut client, path).await.expect("the server responds")).await
        }
    });
    future::join_all(requests).await;
    let scrape = server.at_rest(200).await;
    assert_eq!(ended(&scrape, "/items/{id}", "200", "success"), 50);
    assert_eq!(ended(&scrape, "/stream", "200", "success"), 50);
    assert_eq!(ended(&scrape, "/bytes", "200", "success"), 50);
    assert_eq!(ended(&scrape, "/err", "404", "client_error"), 50);
    assert_eq!(scrape.sum("app_response_size_bytes_sum", &[("endpoint", "/bytes")]), 50_000);
    assert_eq!(scrape.sum("app_stream_chunks_total", &[("endpoint", "/stream")]), 150);
}

#[tokio::test]
async fn http2_reset_of_a_response_is_a_client_disconnect_and_the_connection_continues() {
    let server = Server::start().await;
    let mut client = connect(&server).await;
    let response = get(&mut client, "/stream?n=1000000&ms=1").await.expect("the server responds");
    let mut body = response.into_body();
    body.frame().await.expect("a frame arrives").expect("the frame is not an error");
    // Dropping an unfinished body sends RST_STREAM with CANCEL.
    drop(body);
    let scrape = server.at_rest(1).await;
    assert_eq!(ended(&scrape, "/stream", "200", "cancelled"), 1);
    let disconnected = [("outcome", "client_disconnect")];
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &disconnected), 1);
    assert_eq!(read_body(get(&mut client, "/ok").await.expect("the server responds")).await, "ok");
    assert_eq!(ended(&server.at_rest(2).await, "/ok", "200", "success"), 1);
}

#[tokio::test]
async fn http2_reset_before_the_response_head_is_cancelled_with_status_499() {
    let server = Server::start().await;
    let mut client = connect(&server).await;
    {
        let mut response = Box::pin(get(&mut client, "/slow?ms=3600000"));
        let serving = server.serving("/slow", 1);
        future::select(&mut response, Box::pin(serving)).await;
        assert!((&mut response).now_or_never().is_none());
    }
    let scrape = server.at_rest(1).await;
    assert_eq!(ended(&scrape, "/slow", "499", "cancelled"), 1);
    assert_eq!(
        get(&mut client, "/ok").await.expect("the server responds").status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn http2_request_body_of_unknown_length_is_measured_by_its_frames() {
    let server = Server::start().await;
    let mut client = connect(&server).await;
    client.ready().await.expect("the connection is open");
    let trailers =
        HeaderMap::from_iter([("x-sum".parse().expect("a name"), "7".parse().expect("a value"))]);
    let frames = [
        Frame::data(Bytes::from("hello ")),
        Frame::data(Bytes::from("world")),
        Frame::trailers(trailers),
    ];
    let frames = stream::iter(frames).map(Ok::<_, std::io::Error>);
    let upload = request("/echo", Body::new(StreamBody::new(frames)));
    let response = client.send_request(upload).await.expect("the server responds");
    assert_eq!(read_body(response).await, "hello world");
    assert_eq!(server.at_rest(1).await.sum("app_request_size_bytes_sum", &[]), 11);
}

/// Starts an upload of which one frame arrives. The sender must be kept to keep the upload open.
async fn begin_upload(
    server: &Server,
    client: &mut SendRequest<Body>,
) -> (JoinHandle<hyper::Result<Response<Incoming>>>, Sender<Bytes>) {
    client.ready().await.expect("the connection is open");
    let (sender, mut frames) = mpsc::channel(1);
    sender.send(Bytes::from("hello")).await.expect("the receiver exists");
    let frames = stream::poll_fn(move |cx| frames.poll_recv(cx)).map(Ok::<_, std::io::Error>);
    let response = client.send_request(request("/echo", Body::from_stream(frames)));
    let response = tokio::spawn(response);
    server.serving("/echo", 1).await;
    // A permit is free once the connection has taken the frame.
    drop(sender.reserve().await.expect("the receiver exists"));
    (response, sender)
}

fn assert_cancelled_upload(scrape: &Scrape) {
    let answered = ended(scrape, "/echo", "400", "cancelled");
    let unanswered = ended(scrape, "/echo", "499", "cancelled");
    assert_eq!(answered + unanswered, 1, "{scrape:#?}");
    assert_eq!(scrape.sum("app_errors_total", &[]), 0);
    let size = scrape.sum("app_request_size_bytes_sum", &[]);
    assert!(size == 5 || size == 0, "{size}");
}

#[tokio::test]
async fn http2_reset_of_an_upload_is_cancelled_and_the_connection_continues() {
    let server = Server::start().await;
    let mut client = connect(&server).await;
    let (response, _frames) = begin_upload(&server, &mut client).await;
    // Dropping the future of an unfinished request sends RST_STREAM with CANCEL.
    response.abort();
    assert_cancelled_upload(&server.at_rest(1).await);
    assert_eq!(read_body(get(&mut client, "/ok").await.expect("the server responds")).await, "ok");
}

#[tokio::test]
async fn http2_connection_that_is_cut_within_an_upload_is_cancelled() {
    let server = Server::start().await;
    let socket = TcpStream::connect(server.address).await.expect("the server listens");
    let raw_socket = SockRef::from(&socket).try_clone().expect("the socket can be cloned");
    let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(socket));
    let (mut client, connection) = handshake.await.expect("the server speaks HTTP/2");
    tokio::spawn(connection);
    let (_response, _frames) = begin_upload(&server, &mut client).await;
    raw_socket.shutdown(Shutdown::Both).expect("the socket is connected");
    assert_cancelled_upload(&server.at_rest(1).await);
}

#[tokio::test]
async fn http2_failed_response_does_not_affect_other_requests() {
    let server = Server::start().await;
    let mut client = connect(&server).await;
    // The reset may arrive before the response head.
    if let Ok(response) = get(&mut client, "/stream-err?at=2").await {
        assert!(response.into_body().collect().await.is_err());
    }
    let scrape = server.at_rest(1).await;
    assert_eq!(ended(&scrape, "/stream-err", "200", "server_error"), 1);
    assert_eq!(read_body(get(&mut client, "/ok").await.expect("the server responds")).await, "ok");
    // In hyper a panic ends the task of the request; the client sees its HTTP/2 stream end.
    if let Ok(response) = get(&mut client, "/panic").await {
        assert!(response.status().is_server_error());
    }
    let scrape = server.at_rest(3).await;
    assert_eq!(ended(&scrape, "/panic", "500", "panic"), 1);
}

#[tokio::test]
async fn http2_connection_reset_cancels_all_its_requests() {
    let server = Server::start().await;
    let socket = TcpStream::connect(server.address).await.expect("the server listens");
    let socket = socket.into_std().expect("the socket is valid");
    let raw_socket = socket2::Socket::from(socket.try_clone().expect("the socket can be cloned"));
    let socket = TcpStream::from_std(socket).expect("the socket is valid");
    let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(socket));
    let (client, connection) = handshake.await.expect("the server speaks HTTP/2");
    let connection = tokio::spawn(connection);
    let mut open = Vec::new();
    for _ in 0..20 {
        let response = get(&mut client.clone(), "/sse?n=1000000&ms=5").await;
        open.push(response.expect("the server responds"));
    }
    raw_socket.set_linger(Some(std::time::Duration::ZERO)).expect("the socket is valid");
    drop(raw_socket);
    connection.abort();
    let scrape = server.at_rest(20).await;
    assert_eq!(ended(&scrape, "/sse", "200", "cancelled"), 20);
}
