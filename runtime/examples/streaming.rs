//! Meters streamed responses in three ways: a stream that the attribute turns into a response,
//! server-sent events, and a stream wrapped without an attribute.
//!
//! Start the server, read the streams and then the metrics. `PORT` defaults to 8080:
//!
//! ```text
//! cargo run --example streaming [PORT]
//! curl -N http://127.0.0.1:8080/lines/5
//! curl -N http://127.0.0.1:8080/events      # endless: disconnect with ctrl-c
//! curl -N http://127.0.0.1:8080/wrapped
//! curl http://127.0.0.1:8080/metrics
//! ```
//!
//! What to look at:
//!
//! - `app_stream_duration_seconds` has the label `outcome`: `complete` for a stream that ended, and
//!   `client_disconnect` for a stream whose client disconnected.
//! - `app_time_to_first_chunk_seconds` and `app_inter_chunk_seconds` show the latency of the first
//!   chunk and the gaps between chunks.
//! - `app_active_streams` is 1 while a `curl -N` runs.

use std::{convert::Infallible, env, error::Error, time::Duration};

use async_stream::stream;
use axum::{
    Router,
    body::Body,
    extract::Path,
    response::{
        IntoResponse,
        sse::{Event, Sse},
    },
    routing::get,
};
use futures_core::Stream;
use futures_util::StreamExt;
use streamgauge::{Metrics, metrics_endpoint, streaming_metrics, wrap_streaming_response};
use tokio::{net::TcpListener, time::sleep};

/// Returns a stream that the attribute turns into a response: with a `media_type`, a function that
/// returns a stream is a handler.
#[streaming_metrics(media_type = "text/plain; charset=utf-8")]
async fn lines(Path(count): Path<u32>) -> impl Stream<Item = String> {
    numbered_lines(count)
}

/// Returns server-sent events: without a `media_type`, the function keeps its return type. The
/// layer counts the events as they are sent.
#[streaming_metrics]
async fn events() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    Sse::new(stream! {
        for number in 1_u32.. {
            sleep(Duration::from_millis(500)).await;
            yield Ok(Event::default().data(number.to_string()));
        }
    })
}

/// Meters a stream without an attribute, for functions that need the stream for only a part of
/// their response.
async fn wrapped() -> impl IntoResponse {
    let lines = wrap_streaming_response(numbered_lines(10), "/wrapped");
    Body::from_stream(lines.map(Ok::<_, Infallible>))
}

/// Generates `count` lines, one every 100 milliseconds.
fn numbered_lines(count: u32) -> impl Stream<Item = String> {
    stream! {
        for number in 1..=count {
            sleep(Duration::from_millis(100)).await;
            yield format!("line {number}\n");
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = env::args().nth(1).map_or(Ok(8080), |port| port.parse())?;
    let metrics = Metrics::builder().build()?;
    let app = Router::new()
        .route("/lines/{count}", get(lines))
        .route("/events", get(events))
        .route("/wrapped", get(wrapped))
        .route("/metrics", get(metrics_endpoint))
        .layer(metrics.layer());
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
