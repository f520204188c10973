use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use streamgauge::{
    BuildError, Metrics, Usage, metrics_endpoint, token_usage_context, track_tokens,
};
use tokio::time::{Duration, sleep};

#[track_tokens(provider = provider, model = "m-1")]
async fn ask(provider: &'static str) -> Usage {
    // Stands for the exchange with the model.
    sleep(Duration::from_millis(if provider == "first" { 60_000 } else { 5 })).await;
    Usage::new(4, 1)
}

async fn handler() -> StatusCode {
    let tokens = token_usage_context::handle();
    let mut first = tokio::spawn(tokens.scope(ask("first")));
    let mut second = tokio::spawn(tokens.scope(ask("second")));
    tokio::select! {
        _ = &mut first => second.abort(),
        _ = &mut second => first.abort(),
    }
    StatusCode::OK
}

pub fn app() -> Result<Router, BuildError> {
    let metrics = Metrics::builder().build()?;
    Ok(Router::new()
        .route("/ask", get(handler))
        .route("/metrics", get(metrics_endpoint))
        .layer(metrics.layer()))
}
