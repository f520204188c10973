//! HTTP/2: many requests on one connection, each with an end of its own.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, Response, StatusCode};
use futures_util::{FutureExt, StreamExt, future, stream};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

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
    request.body(body).expect("it is well formed")
}

async fn get(client: &mut SendRequest<Body>, path: &str) -> hyper::Result<Response<Incoming>> {
    client.ready().await?;
    let mut request = request(path, Body::empty());
    *request.method_mut() = axum::http::Method::GET;
    client.send_request(request).await
}

async fn whole(response: Response<Incoming>) -> Bytes {
    response.into_body().collect().await.expect("the body does not fail").to_bytes()
}

#[tokio::test]
async fn many_streams_of_one_connection_are_counted_one_by_one() {
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
            whole(get(&mut client, path).await.expect("there is an answer")).await
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
async fn a_stream_that_is_reset_is_left_and_its_connection_goes_on() {
    let server = Server::start().await;
    let mut client = connect(&server).await;
    let response = get(&mut client, "/stream?n=1000000&ms=1").await.expect("there is an answer");
    let mut body = response.into_body();
    body.frame().await.expect("there is a frame").expect("it is no error");
    // What is dropped before its end is reset: RST_STREAM with CANCEL.
    drop(body);
    let scrape = server.at_rest(1).await;
    assert_eq!(ended(&scrape, "/stream", "200", "cancelled"), 1);
    let left = [("outcome", "client_disconnect")];
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &left), 1);
    assert_eq!(whole(get(&mut client, "/ok").await.expect("there is an answer")).await, "ok");
    assert_eq!(ended(&server.at_rest(2).await, "/ok", "200", "success"), 1);
}

#[tokio::test]
async fn a_request_that_is_reset_before_its_head_is_cancelled_with_499() {
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
    assert_eq!(get(&mut client, "/ok").await.expect("there is an answer").status(), StatusCode::OK);
}

#[tokio::test]
async fn an_upload_without_a_length_is_as_large_as_its_frames() {
    let server = Server::start().await;
    let mut client = connect(&server).await;
    client.ready().await.expect("the connection holds");
    let trailers =
        HeaderMap::from_iter([("x-sum".parse().expect("a name"), "7".parse().expect("a value"))]);
    let frames = [
        Frame::data(Bytes::from("hello ")),
        Frame::data(Bytes::from("world")),
        Frame::trailers(trailers),
    ];
    let frames = stream::iter(frames).map(Ok::<_, std::io::Error>);
    let upload = request("/echo", Body::new(StreamBody::new(frames)));
    let response = client.send_request(upload).await.expect("there is an answer");
    assert_eq!(whole(response).await, "hello world");
    assert_eq!(server.at_rest(1).await.sum("app_request_size_bytes_sum", &[]), 11);
}

#[tokio::test]
async fn a_stream_that_fails_or_panics_fails_alone() {
    let server = Server::start().await;
    let mut client = connect(&server).await;
    // The reset may overtake the head.
    if let Ok(response) = get(&mut client, "/stream-err?at=2").await {
        assert!(response.into_body().collect().await.is_err());
    }
    let scrape = server.at_rest(1).await;
    assert_eq!(ended(&scrape, "/stream-err", "200", "server_error"), 1);
    assert_eq!(whole(get(&mut client, "/ok").await.expect("there is an answer")).await, "ok");
    // In hyper a panic takes the request's task with it; the client sees its stream end.
    if let Ok(response) = get(&mut client, "/panic").await {
        assert!(response.status().is_server_error());
    }
    let scrape = server.at_rest(3).await;
    assert_eq!(ended(&scrape, "/panic", "500", "panic"), 1);
}

#[tokio::test]
async fn a_connection_that_breaks_ends_all_its_streams() {
    let server = Server::start().await;
    let socket = TcpStream::connect(server.address).await.expect("the server listens");
    let socket = socket.into_std().expect("it is a socket");
    let own = socket2::Socket::from(socket.try_clone().expect("there is a descriptor"));
    let socket = TcpStream::from_std(socket).expect("it is a socket");
    let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(socket));
    let (client, connection) = handshake.await.expect("the server speaks HTTP/2");
    let connection = tokio::spawn(connection);
    let mut open = Vec::new();
    for _ in 0..20 {
        let response = get(&mut client.clone(), "/sse?n=1000000&ms=5").await;
        open.push(response.expect("there is an answer"));
    }
    own.set_linger(Some(std::time::Duration::ZERO)).expect("it is a socket");
    drop(own);
    connection.abort();
    let scrape = server.at_rest(20).await;
    assert_eq!(ended(&scrape, "/sse", "200", "cancelled"), 20);
}
