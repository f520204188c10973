use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{
    Router,
    routing::{get, post},
};
use streamgauge::{ExceptionType, Metrics, instrument_endpoint, metrics_endpoint};

#[derive(ExceptionType)]
enum OrderError {
    NoSuchItem,
    SoldOut,
}

impl IntoResponse for OrderError {
    fn into_response(self) -> Response {
        match self {
            Self::NoSuchItem => (StatusCode::NOT_FOUND, "no such item\n"),
            Self::SoldOut => (StatusCode::CONFLICT, "sold out\n"),
        }
        .into_response()
    }
}

#[instrument_endpoint]
async fn order(Path(id): Path<u32>) -> Result<String, OrderError> {
    match id {
        1 => Ok("ordered a kettle\n".to_owned()),
        2 => Err(OrderError::SoldOut),
        _ => Err(OrderError::NoSuchItem),
    }
}

fn app(metrics: &Metrics) -> Router {
    Router::new()
        .route("/items/{id}/order", post(order))
        .route("/metrics", get(metrics_endpoint))
        .layer(metrics.layer())
}
