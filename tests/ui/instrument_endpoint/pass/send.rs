//! A future is `Send` and `'static` if it would be without the attribute.

#![deny(warnings)]
#![forbid(unsafe_code)]

use std::cell::Cell;
use std::fmt::Display;
use std::rc::Rc;

use axum::response::{IntoResponse, Response};
use streamgauge::instrument_endpoint;

fn assert_send<T: Send>(value: T) -> T {
    value
}

fn assert_static<T: Send + 'static>(value: T) -> T {
    value
}

#[instrument_endpoint]
async fn plain(text: String) -> Result<usize, Box<dyn std::error::Error + Send + Sync>> {
    tokio::task::yield_now().await;
    Ok(text.parse()?)
}

#[instrument_endpoint]
async fn borrowing(text: &str, count: &mut usize) -> usize {
    tokio::task::yield_now().await;
    *count += text.len();
    *count
}

#[instrument_endpoint]
async fn generic<T: Display + Send>(value: T) -> String {
    tokio::task::yield_now().await;
    value.to_string()
}

/// The value that is not `Send` is dropped before the first `await`.
#[instrument_endpoint]
async fn briefly_local() -> u32 {
    let number = {
        let shared = Rc::new(Cell::new(1));
        shared.set(2);
        shared.get()
    };
    tokio::task::yield_now().await;
    number
}

#[instrument_endpoint]
async fn opaque() -> impl IntoResponse {
    tokio::task::yield_now().await;
    "opaque"
}

/// The return value need not be `Sync`: a response body is not.
#[instrument_endpoint]
async fn response() -> Response {
    tokio::task::yield_now().await;
    "response".into_response()
}

#[instrument_endpoint]
async fn not_sync() -> (Cell<u32>, Result<Response, Cell<u32>>) {
    tokio::task::yield_now().await;
    (Cell::new(1), Err(Cell::new(2)))
}

/// A future that is not `Send` works if `Send` is not required.
#[instrument_endpoint]
async fn local(shared: Rc<Cell<u32>>) -> Rc<Cell<u32>> {
    tokio::task::yield_now().await;
    shared
}

#[instrument_endpoint]
async fn recursive(depth: u32) -> u32 {
    if depth == 0 { 0 } else { 1 + Box::pin(recursive(depth - 1)).await }
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    assert_eq!(assert_static(plain("7".to_owned())).await.unwrap(), 7);
    let mut count = 1;
    assert_eq!(assert_send(borrowing("ab", &mut count)).await, 3);
    assert_eq!(assert_send(generic(1)).await, "1");
    assert_eq!(assert_static(briefly_local()).await, 2);
    drop(assert_static(opaque()).await);
    drop(assert_static(response()).await);
    drop(assert_static(not_sync()).await);
    assert_eq!(local(Rc::new(Cell::new(3))).await.get(), 3);
    assert_eq!(tokio::spawn(assert_static(recursive(3))).await.unwrap(), 3);
}
