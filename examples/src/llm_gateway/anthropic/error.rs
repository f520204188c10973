//! The JSON of errors in Anthropic's API.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;
use thiserror::Error;

use crate::llm_gateway::request_error::RequestError;

/// A rejected request, in the JSON that Anthropic's clients expect.
#[derive(Debug, Error)]
#[error(transparent)]
pub(crate) struct AnthropicError(#[from] RequestError);

impl IntoResponse for AnthropicError {
    fn into_response(self) -> Response {
        let status = self.0.status();
        let kind = match status {
            StatusCode::NOT_FOUND => "not_found_error",
            StatusCode::PAYLOAD_TOO_LARGE => "request_too_large",
            _ => "invalid_request_error",
        };
        let body = json!({
            "type": "error",
            "error": {
                "type": kind,
                "message": self.to_string(),
            }
        });
        (status, Json(body)).into_response()
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use serde_json::Value;

    use super::*;

    #[tokio::test]
    async fn error_type_follows_the_status() {
        for (error, status, kind) in [
            (RequestError::NoMessages, StatusCode::BAD_REQUEST, "invalid_request_error"),
            (
                RequestError::UnknownModel { id: "claude".to_owned(), known: "`a`".to_owned() },
                StatusCode::NOT_FOUND,
                "not_found_error",
            ),
        ] {
            let message = error.to_string();
            let response = AnthropicError::from(error).into_response();
            assert_eq!(response.status(), status);
            let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
            assert_eq!(
                serde_json::from_slice::<Value>(&body).unwrap(),
                json!({"type": "error", "error": {"type": kind, "message": message}})
            );
        }
    }
}
