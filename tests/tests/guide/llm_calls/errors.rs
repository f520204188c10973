use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};
use streamgauge::call::{self, CallError, CallErrorType};
use streamgauge::{BuildError, Metrics, Usage, metrics_endpoint, track_tokens};

enum ModelError {
    CircuitOpen,
    Refused(StatusCode),
}

impl CallError for ModelError {
    fn call_error_type(&self) -> CallErrorType {
        match self {
            Self::CircuitOpen => CallErrorType::Overloaded,
            Self::Refused(status) => CallErrorType::from_status(*status),
        }
    }
}

#[track_tokens(provider = "house", model = "small-1")]
async fn ask(question: &str) -> Result<Option<Usage>, ModelError> {
    match tokio::time::timeout(Duration::from_secs(30), send(question)).await {
        Ok(reply) => reply.map(Some),
        Err(_) => {
            call::report(CallErrorType::Timeout);
            Ok(None)
        }
    }
}

// Stands for the exchange with the model.
async fn send(question: &str) -> Result<Usage, ModelError> {
    match question {
        "" => Err(ModelError::Refused(StatusCode::UNPROCESSABLE_ENTITY)),
        "busy" => Err(ModelError::CircuitOpen),
        "slow" => std::future::pending().await,
        _ => Ok(Usage::new(4, 1)),
    }
}

async fn handler(question: String) -> StatusCode {
    match ask(&question).await {
        Ok(Some(_)) => StatusCode::OK,
        Ok(None) => StatusCode::GATEWAY_TIMEOUT,
        Err(_) => StatusCode::BAD_GATEWAY,
    }
}

pub fn app() -> Result<Router, BuildError> {
    let metrics = Metrics::builder().build()?;
    Ok(Router::new()
        .route("/ask", post(handler))
        .route("/metrics", get(metrics_endpoint))
        .layer(metrics.layer()))
}
