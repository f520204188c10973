use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use streamgauge::{
    BuildError, Metrics, Price, RequestLabel, Usage, metrics_endpoint, request_label, track_tokens,
};

#[track_tokens(provider = "house", model = "small-1")]
async fn ask() -> (&'static str, Usage) {
    // Stands for the exchange with the model.
    ("Forty-two.", Usage::new(1_000, 200))
}

async fn handler() -> &'static str {
    ask().await.0
}

/// Authenticates the caller, and labels the request with the tenant of its key.
async fn authenticate(request: Request, next: Next) -> Response {
    let key = request.headers().get("x-api-key").map(HeaderValue::as_bytes);
    let tenant = match key {
        Some(b"key-of-acme") => "acme",
        Some(b"key-of-zenith") => "zenith",
        _ => return StatusCode::UNAUTHORIZED.into_response(),
    };
    request_label::set("tenant", tenant);
    next.run(request).await
}

pub fn app() -> Result<Router, BuildError> {
    let metrics = Metrics::builder()
        .price("small-1", Price::per_million(0.15, 0.60))
        .request_label(RequestLabel::new("tenant").at_most(200))
        .request_label(RequestLabel::new("plan").from_header("x-plan").values(["free", "paid"]))
        .build()?;
    Ok(Router::new()
        .route("/ask", post(handler))
        .layer(from_fn(authenticate))
        .route("/metrics", get(metrics_endpoint))
        .layer(metrics.layer()))
}
