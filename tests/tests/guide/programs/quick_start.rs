use axum::{Router, extract::Path, http::StatusCode, routing::get};
use streamgauge::{Metrics, metrics_endpoint};

async fn item(Path(id): Path<u32>) -> Result<String, StatusCode> {
    if id < 100 { Ok(format!("item {id}")) } else { Err(StatusCode::NOT_FOUND) }
}

fn app(metrics: &Metrics) -> Router {
    Router::new()
        .route("/items/{id}", get(item))
        .route("/metrics", get(metrics_endpoint))
        .layer(metrics.layer())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let metrics = Metrics::builder().prefix("shop").install()?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    axum::serve(listener, app(metrics)).await?;
    Ok(())
}
