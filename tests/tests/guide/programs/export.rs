use async_stream::stream;
use axum::{Router, routing::get};
use futures_core::Stream;
use streamgauge::{Metrics, metrics_endpoint, streaming_metrics};

#[streaming_metrics(media_type = "text/csv")]
async fn export() -> impl Stream<Item = String> {
    stream! {
        yield "id,name\n".to_owned();
        yield "1,a kettle\n".to_owned();
    }
}

fn app(metrics: &Metrics) -> Router {
    Router::new()
        .route("/export", get(export))
        .route("/metrics", get(metrics_endpoint))
        .layer(metrics.layer())
}
