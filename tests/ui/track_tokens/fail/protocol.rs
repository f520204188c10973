//! Invalid protocols, and replies that cannot be parsed.

use axum::http::StatusCode;
use axum::response::sse::Event;
use futures_core::Stream;
use streamgauge::{Usage, track_tokens};

#[track_tokens(protocol = "opnai")]
fn misspelled() -> String {
    String::new()
}

#[track_tokens(protocol = "mistral")]
fn unknown() -> String {
    String::new()
}

#[track_tokens(protocol = openai)]
fn no_text() -> String {
    String::new()
}

#[track_tokens(protocol = "openai", protocol = "auto")]
fn twice() -> String {
    String::new()
}

#[track_tokens(protocol = "openai")]
async fn no_bytes() -> Usage {
    Usage::new(1, 2)
}

#[track_tokens(protocol = "openai")]
async fn no_bytes_in_result() -> Result<u32, StatusCode> {
    Ok(1)
}

#[track_tokens(protocol = "openai")]
fn not_yet_bytes() -> impl Stream<Item = Event> {
    futures_util::stream::empty()
}

fn main() {
    misspelled();
    unknown();
    no_text();
    twice();
    drop(no_bytes());
    drop(no_bytes_in_result());
    drop(not_yet_bytes());
}
