//! Streams: a generator that becomes a handler, events, and a stream that is wrapped by hand.
//!
//! ```text
//! cargo run --example streaming [PORT]
//! curl -N http://127.0.0.1:8080/lines/5
//! curl -N http://127.0.0.1:8080/events      # leave it with ctrl-c
//! curl -N http://127.0.0.1:8080/wrapped
//! curl http://127.0.0.1:8080/metrics
//! ```
//!
//! `app_stream_duration_seconds` tells streams that ended from those whose client left, by the outcome
//! `complete` or `client_disconnect`; `app_time_to_first_chunk_seconds` and `app_inter_chunk_seconds`
//! tell how they flowed. While a `curl -N` runs, `app_active_streams` is 1.

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

/// With a media type the function returns a response, and can be routed as it is.
#[streaming_metrics(media_type = "text/plain; charset=utf-8")]
async fn lines(Path(count): Path<u32>) -> impl Stream<Item = String> {
    numbered(count)
}

/// Without one it keeps its return type; here the layer counts the events as they are sent.
#[streaming_metrics]
async fn events() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    Sse::new(stream! {
        for beat in 1_u32.. {
            sleep(Duration::from_millis(500)).await;
            yield Ok(Event::default().data(beat.to_string()));
        }
    })
}

/// The same without an attribute, where the stream is only a part of what a function makes.
async fn wrapped() -> impl IntoResponse {
    let lines = wrap_streaming_response(numbered(10), "/wrapped");
    Body::from_stream(lines.map(Ok::<_, Infallible>))
}

fn numbered(count: u32) -> impl Stream<Item = String> {
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
