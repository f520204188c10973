use axum::Router;
use axum::routing::get;
use streamgauge::{BuildError, Metrics, Price, Usage, metrics_endpoint, track_tokens};

#[track_tokens(provider = "house", model = "large-1")]
async fn ask() -> (&'static str, Usage) {
    // Stands for the exchange with the model.
    ("Forty-two.", Usage::new(1_200, 300).cache_read(1_000))
}

async fn handler() -> &'static str {
    ask().await.0
}

pub fn app() -> Result<Router, BuildError> {
    let large = Price::per_million(2.50, 10.00).cache_read(1.25); // US dollars per million tokens
    let metrics = Metrics::builder().price("large-1", large).build()?;
    Ok(Router::new()
        .route("/ask", get(handler))
        .route("/metrics", get(metrics_endpoint))
        .layer(metrics.layer()))
}
