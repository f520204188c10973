//! An HTTP client that reads responses frame by frame.

use std::net::SocketAddr;

use axum::body::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::handshake;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::scripted_upstream::within_deadline;

/// Builds a `POST` request with a JSON body.
pub(crate) fn post(path: &str, body: &'static str) -> Request<Full<Bytes>> {
    Request::builder()
        .method(Method::POST)
        .uri(path)
        .header("content-type", "application/json")
        .body(Full::from(body))
        .expect("the request is well formed")
}

/// Sends a request on a new connection, which closes when the response is dropped.
pub(crate) async fn send(to: SocketAddr, request: Request<Full<Bytes>>) -> Response<Incoming> {
    let socket = TcpStream::connect(to).await.expect("the gateway listens");
    let (mut sender, connection) =
        handshake(TokioIo::new(socket)).await.expect("the gateway speaks HTTP");
    tokio::spawn(connection);
    let mut request = request;
    request
        .headers_mut()
        .entry("host")
        .or_insert("here".parse().expect("the header value is valid"));
    within_deadline(sender.send_request(request)).await.expect("the gateway responds")
}

/// Reads the next frame of a response; `None` is its end.
pub(crate) async fn next_chunk(response: &mut Response<Incoming>) -> Option<hyper::Result<String>> {
    let frame = within_deadline(response.body_mut().frame()).await?;
    Some(frame.map(|frame| text(&frame.into_data().unwrap_or_default())))
}

/// Reads a response body to its end.
pub(crate) async fn read_body(response: Response<Incoming>) -> String {
    text(
        &within_deadline(response.into_body().collect())
            .await
            .expect("the body does not fail")
            .to_bytes(),
    )
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("sample replies are UTF-8")
}
