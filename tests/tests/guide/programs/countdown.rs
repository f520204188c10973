use std::convert::Infallible;
use std::time::Duration;

use async_stream::stream;
use axum::response::sse::{Event, Sse};
use axum::{Router, routing::get};
use futures_core::Stream;
use streamgauge::{Metrics, metrics_endpoint, streaming_metrics};
use tokio::time::sleep;

#[streaming_metrics]
async fn countdown() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    Sse::new(stream! {
        for number in (0..3).rev() {
            yield Ok(Event::default().data(number.to_string()));
            sleep(Duration::from_secs(1)).await;
        }
    })
}

fn app(metrics: &Metrics) -> Router {
    Router::new()
        .route("/countdown", get(countdown))
        .route("/metrics", get(metrics_endpoint))
        .layer(metrics.layer())
}
