//! Errors in the body are reported as without the attribute: once, and at the same location.

use axum::Json;
use axum::http::StatusCode;
use streamgauge::{Usage, track_tokens};

#[track_tokens]
async fn wrong_type() -> Usage {
    7
}

#[track_tokens]
fn wrong_return(flag: bool) -> Result<Json<Usage>, StatusCode> {
    if flag {
        return Err("text");
    }
    Ok(Usage::new(1, 2))
}

#[track_tokens(model = model)]
async fn no_value(model: &str) -> Option<Usage> {
    Usage::new(1, 2);
}

#[track_tokens]
fn wrong_error(text: &str) -> Result<Usage, Refused> {
    Ok(Usage::new(text.parse()?, 2))
}

#[track_tokens]
async fn missing() -> Usage {
    absent()
}

struct Refused;

#[tokio::main]
async fn main() {
    wrong_type().await;
    let _ = wrong_return(true);
    no_value("small-1").await;
    let _ = wrong_error("");
    missing().await;
}
