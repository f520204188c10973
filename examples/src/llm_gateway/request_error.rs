//! Errors of requests that the gateway rejects, independent of the API that reports them.

use axum::{extract::rejection::JsonRejection, http::StatusCode};
use thiserror::Error;

/// The reason for which the gateway rejects a request.
///
/// Each API has its own JSON for errors: see `OpenAiError` and `AnthropicError`.
#[derive(Debug, Error)]
pub(crate) enum RequestError {
    #[error("{}", .0.body_text())]
    InvalidBody(#[from] JsonRejection),
    #[error("messages: at least one message is required")]
    NoMessages,
    #[error("messages: the text could not be read as tokens")]
    NotTokenizable,
    #[error("tool_choice: no such tool is offered")]
    UnknownTool,
    #[error("the model `{id}` does not exist; the models are {known}")]
    UnknownModel { id: String, known: String },
    /// The text is the list of the paths that exist.
    #[error("nothing is served at this path; the paths are {0}")]
    UnknownPath(&'static str),
    #[error("this method is not allowed here")]
    MethodNotAllowed,
}

impl RequestError {
    /// Returns the status that both providers use for this error.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            // The providers reply with 400 to JSON of the wrong shape, where axum replies with 422.
            Self::InvalidBody(JsonRejection::JsonDataError(_))
            | Self::NoMessages
            | Self::NotTokenizable
            | Self::UnknownTool => StatusCode::BAD_REQUEST,
            Self::InvalidBody(rejection) => rejection.status(),
            Self::UnknownModel { .. } | Self::UnknownPath(_) => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::{
        Json,
        body::Body,
        extract::{FromRequest, Request},
    };

    use super::*;

    async fn rejection(content_type: &str, body: &'static str) -> RequestError {
        let request =
            Request::builder().header("content-type", content_type).body(Body::from(body)).unwrap();
        Json::<Vec<u8>>::from_request(request, &()).await.unwrap_err().into()
    }

    #[tokio::test]
    async fn invalid_bodies_get_the_statuses_of_the_providers() {
        for (content_type, body, status) in [
            ("application/json", "[1", StatusCode::BAD_REQUEST),
            ("application/json", "{}", StatusCode::BAD_REQUEST),
            ("text/plain", "[1]", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ] {
            assert_eq!(rejection(content_type, body).await.status(), status, "{body}");
        }
    }
}
