use axum::Router;
use axum::routing::get;
use streamgauge::{
    BuildError, Metrics, Usage, metrics_endpoint, token_usage_context, track_tokens,
};

#[track_tokens(provider = "house", model = "small-1")]
async fn summarize() -> Usage {
    // The usage of a step before the answer, which is part of the same call.
    token_usage_context::record(Usage::new(40, 2));
    Usage::new(1_000, 100)
}

async fn handler() -> &'static str {
    summarize().await;
    let tokens = token_usage_context::handle();
    tokio::spawn(async move {
        // Stands for a model that finds a title while the response is on its way.
        tokens.record(Usage::new(60, 4));
    });
    "a summary"
}

pub fn app() -> Result<Router, BuildError> {
    let metrics = Metrics::builder().build()?;
    Ok(Router::new()
        .route("/summary", get(handler))
        .route("/metrics", get(metrics_endpoint))
        .layer(metrics.layer()))
}
