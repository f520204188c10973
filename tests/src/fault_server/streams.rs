//! Streams of server-sent events and of lines, ended by completion, an error or a panic.

use std::convert::Infallible;
use std::io::Error;
use std::time::Duration;

use async_stream::stream;
use axum::extract::Query;
use axum::response::sse::{Event, Sse};
use futures_core::Stream;
use serde::Deserialize;
use streamgauge::{instrument_endpoint, streaming_metrics};

#[derive(Deserialize)]
pub(super) struct StreamQuery {
    #[serde(default = "three")]
    pub(super) n: u64,
    #[serde(default)]
    pub(super) ms: u64,
}

fn three() -> u64 {
    3
}

/// Sleeps between two items; 0 does not yield.
pub(super) async fn pause(ms: u64) {
    if ms > 0 {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}

#[instrument_endpoint]
#[streaming_metrics]
pub(super) async fn events(
    Query(StreamQuery { n, ms }): Query<StreamQuery>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    Sse::new(stream! {
        for number in 1..=n {
            pause(ms).await;
            yield Ok(Event::default().data(number.to_string()));
        }
    })
}

#[instrument_endpoint]
#[streaming_metrics(media_type = "text/plain; charset=utf-8")]
pub(super) async fn lines(
    Query(StreamQuery { n, ms }): Query<StreamQuery>,
) -> impl Stream<Item = String> {
    stream! {
        for number in 1..=n {
            pause(ms).await;
            yield format!("line {number}\n");
        }
    }
}

#[derive(Deserialize)]
pub(super) struct FaultPosition {
    #[serde(default)]
    at: u64,
}

/// Streams `at` lines, then an error.
#[instrument_endpoint]
#[streaming_metrics(media_type = "text/plain; charset=utf-8")]
pub(super) async fn fails(
    Query(FaultPosition { at }): Query<FaultPosition>,
) -> impl Stream<Item = Result<String, Error>> {
    stream! {
        for number in 1..=at {
            yield Ok(format!("line {number}\n"));
        }
        yield Err(Error::other("on purpose"));
    }
}

/// Streams `at` lines, then panics.
#[instrument_endpoint]
#[streaming_metrics(media_type = "text/plain; charset=utf-8")]
pub(super) async fn panics(
    Query(FaultPosition { at }): Query<FaultPosition>,
) -> impl Stream<Item = String> {
    stream! {
        for number in 1..=at {
            yield format!("line {number}\n");
        }
        panic!("on purpose");
    }
}
