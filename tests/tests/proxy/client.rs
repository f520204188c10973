//! A client of the proxy that sees every frame.

use std::net::SocketAddr;

use axum::body::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::handshake;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::peer::soon;

/// A request with a body of JSON.
pub(crate) fn post(path: &str, body: &'static str) -> Request<Full<Bytes>> {
    Request::builder()
        .method(Method::POST)
        .uri(path)
        .header("content-type", "application/json")
        .body(Full::from(body))
        .expect("the request is well formed")
}

/// Sends a request on a connection of its own, which ends where the response is dropped.
pub(crate) async fn send(to: SocketAddr, request: Request<Full<Bytes>>) -> Response<Incoming> {
    let socket = TcpStream::connect(to).await.expect("the gateway listens");
    let (mut sender, connection) = handshake(TokioIo::new(socket)).await.expect("it speaks HTTP");
    tokio::spawn(connection);
    let mut request = request;
    request.headers_mut().entry("host").or_insert("here".parse().expect("it is a value"));
    soon(sender.send_request(request)).await.expect("the gateway answers")
}

/// The next piece of a reply, or how it ended.
pub(crate) async fn next(response: &mut Response<Incoming>) -> Option<hyper::Result<String>> {
    let frame = soon(response.body_mut().frame()).await?;
    Some(frame.map(|frame| text(&frame.into_data().unwrap_or_default())))
}

/// A reply read to its end.
pub(crate) async fn rest(response: Response<Incoming>) -> String {
    text(&soon(response.into_body().collect()).await.expect("the body does not fail").to_bytes())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("replies here are text")
}
