use std::time::Duration;

use axum::http::StatusCode;
use streamgauge::call::{self, CallError, CallErrorType};
use streamgauge::{Usage, track_tokens};

pub enum ModelError {
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
pub async fn ask(question: &str) -> Result<Option<Usage>, ModelError> {
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
