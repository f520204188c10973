use axum::extract::Path;
use axum::http::StatusCode;
use axum::{Router, routing::get};
use streamgauge::{Metrics, metrics_endpoint};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let metrics = Metrics::builder().prefix("shop").install()?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app(metrics)).await?;
    Ok(())
}

fn app(metrics: &Metrics) -> Router {
    Router::new()
        .route("/items/{id}", get(item))
        .route("/metrics", get(metrics_endpoint))
        .layer(metrics.layer()) // after the last route
}

async fn item(Path(id): Path<u32>) -> Result<String, StatusCode> {
    if id == 1 { Ok("a kettle\n".to_owned()) } else { Err(StatusCode::NOT_FOUND) }
}
