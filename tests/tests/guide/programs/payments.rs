use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{
    Router,
    routing::{get, post},
};
use streamgauge::{ExceptionType, Metrics, instrument_endpoint, metrics_endpoint};

#[derive(ExceptionType)]
enum PaymentError {
    Declined,
    ProviderDown(std::io::Error),
}

impl IntoResponse for PaymentError {
    fn into_response(self) -> Response {
        match self {
            Self::Declined => StatusCode::PAYMENT_REQUIRED.into_response(),
            Self::ProviderDown(error) => {
                (StatusCode::BAD_GATEWAY, error.to_string()).into_response()
            }
        }
    }
}

#[instrument_endpoint]
async fn pay(Path(card): Path<u32>) -> Result<&'static str, PaymentError> {
    match card {
        1 => Ok("paid\n"),
        2 => Err(PaymentError::Declined),
        _ => Err(PaymentError::ProviderDown(std::io::Error::other("no route to host"))),
    }
}

fn app(metrics: &Metrics) -> Router {
    Router::new()
        .route("/pay/{card}", post(pay))
        .route("/metrics", get(metrics_endpoint))
        .layer(metrics.layer())
}
