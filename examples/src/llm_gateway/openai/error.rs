//! The JSON of errors in `OpenAI`'s API.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use serde_json::json;
use thiserror::Error;

use crate::llm_gateway::request_error::RequestError;

/// A rejected request, in the JSON that `OpenAI`'s clients expect.
#[derive(Debug, Error)]
#[error(transparent)]
pub(crate) struct OpenAiError(#[from] RequestError);

impl IntoResponse for OpenAiError {
    fn into_response(self) -> Response {
        let (param, code) = match &self.0 {
            RequestError::UnknownModel { .. } => (Some("model"), Some("model_not_found")),
            RequestError::NoMessages | RequestError::NotTokenizable => (Some("messages"), None),
            RequestError::UnknownTool => (Some("tool_choice"), None),
            RequestError::InvalidBody(_)
            | RequestError::UnknownPath(_)
            | RequestError::MethodNotAllowed => (None, None),
        };
        let body = json!({
            "error": {
                "message": self.to_string(),
                "type": "invalid_request_error",
                "param": param,
                "code": code,
            }
        });
        (self.0.status(), Json(body)).into_response()
    }
}

#[cfg(test)]
mod tests {
    use axum::{body::to_bytes, http::StatusCode};
    use serde_json::Value;

    use super::*;

    #[tokio::test]
    async fn unknown_model_has_its_own_error_code() {
        let error = RequestError::UnknownModel { id: "gpt-4o".to_owned(), known: "`a`".to_owned() };
        let response = OpenAiError::from(error).into_response();
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        assert_eq!(
            serde_json::from_slice::<Value>(&body).unwrap(),
            json!({
                "error": {
                    "message": "the model `gpt-4o` does not exist; the models are `a`",
                    "type": "invalid_request_error",
                    "param": "model",
                    "code": "model_not_found",
                }
            })
        );
    }
}
