//! Counts requests and errors: the layer counts the requests of every route, and
//! `#[instrument_endpoint]` adds the types of the errors that a handler returns.
//!
//! Start the server, send some requests and read the metrics. `PORT` defaults to 8080:
//!
//! ```text
//! cargo run --example basic [PORT]
//! curl http://127.0.0.1:8080/items/1      # 200
//! curl http://127.0.0.1:8080/items/2      # 410: the handler returns `SoldOut`
//! curl http://127.0.0.1:8080/items/3      # 404: the handler returns `Missing`
//! curl http://127.0.0.1:8080/items/one    # 400: axum rejects the path before the handler runs
//! curl http://127.0.0.1:8080/metrics
//! ```
//!
//! What to look at:
//!
//! - `shop_http_requests_total` has one series per status of `/items/{id}`. The item numbers in the
//!   paths create no further series.
//! - `shop_exceptions_total` has one series per status of `ItemError`. The rejected request for
//!   `one` is missing there, because the handler never ran.

use std::{env, error::Error};

use axum::{
    Json, Router,
    extract::Path,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Serialize;
use streamgauge::{Metrics, instrument_endpoint, metrics_endpoint};
use tokio::net::TcpListener;

#[derive(Serialize)]
struct Item {
    id: u32,
    name: &'static str,
}

/// Error of the handler [`item`].
///
/// The label `exception_type` is the name of this type; the label `status` distinguishes the
/// variants.
#[derive(Debug, thiserror::Error)]
enum ItemError {
    #[error("there is no item {0}")]
    Missing(u32),
    #[error("item {0} is sold out")]
    SoldOut(u32),
}

impl IntoResponse for ItemError {
    fn into_response(self) -> Response {
        let status = match self {
            Self::Missing(_) => StatusCode::NOT_FOUND,
            Self::SoldOut(_) => StatusCode::GONE,
        };
        (status, self.to_string()).into_response()
    }
}

#[instrument_endpoint]
async fn item(Path(id): Path<u32>) -> Result<Json<Item>, ItemError> {
    match id {
        1 => Ok(Json(Item { id, name: "a kettle" })),
        2 => Err(ItemError::SoldOut(id)),
        _ => Err(ItemError::Missing(id)),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = env::args().nth(1).map_or(Ok(8080), |port| port.parse())?;
    let metrics = Metrics::builder().prefix("shop").build()?;
    let app = Router::new()
        .route("/items/{id}", get(item))
        .route("/metrics", get(metrics_endpoint))
        .layer(metrics.layer());
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
