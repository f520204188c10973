//! Handlers that succeed, with response bodies of every kind.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::extract::{Path, Query};
use axum::response::Response;
use futures_util::stream;
use serde::Deserialize;
use streamgauge::instrument_endpoint;

#[instrument_endpoint]
pub(super) async fn ok() -> &'static str {
    "ok"
}

pub(super) async fn plain() -> &'static str {
    "plain"
}

#[instrument_endpoint]
pub(super) async fn item(Path(id): Path<String>) -> String {
    format!("item {id}")
}

#[instrument_endpoint]
pub(super) async fn file(Path(rest): Path<String>) -> String {
    format!("file {rest}")
}

#[derive(Deserialize)]
pub(super) struct Wait {
    #[serde(default)]
    ms: u64,
}

#[instrument_endpoint]
pub(super) async fn slow(Query(Wait { ms }): Query<Wait>) -> &'static str {
    tokio::time::sleep(Duration::from_millis(ms)).await;
    "slow"
}

#[instrument_endpoint]
pub(super) async fn echo(body: Bytes) -> Bytes {
    body
}

#[derive(Deserialize)]
pub(super) struct Pieces {
    #[serde(default)]
    n: usize,
    #[serde(default)]
    chunks: usize,
}

/// Responds with `n` bytes in `chunks` chunks, without a content length.
#[instrument_endpoint]
pub(super) async fn bytes(Query(Pieces { n, chunks }): Query<Pieces>) -> Body {
    let chunks = chunks.max(1);
    let sizes = (0..chunks).map(move |chunk| n / chunks + usize::from(chunk < n % chunks));
    Body::from_stream(stream::iter(
        sizes.map(|size| Ok::<_, Infallible>(Bytes::from(vec![b'x'; size]))),
    ))
}

/// Upgrades to a WebSocket that echoes every message.
#[instrument_endpoint]
pub(super) async fn upgrade(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async |mut socket: WebSocket| {
        while let Some(Ok(message)) = socket.recv().await {
            if socket.send(message).await.is_err() {
                break;
            }
        }
    })
}
