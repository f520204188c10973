//! Why a request is turned down, before a provider's dialect is put on it.

use axum::{extract::rejection::JsonRejection, http::StatusCode};
use thiserror::Error;

/// What is wrong with a request.
#[derive(Debug, Error)]
pub(crate) enum Refusal {
    #[error("{}", .0.body_text())]
    Body(#[from] JsonRejection),
    #[error("messages: at least one message is required")]
    NoMessages,
    #[error("messages: the text could not be read as tokens")]
    Unreadable,
    #[error("tool_choice: no such tool is offered")]
    NoSuchTool,
    #[error("the model `{0}` does not exist")]
    UnknownModel(String),
    #[error("this method is not allowed here")]
    WrongMethod,
}

impl Refusal {
    /// The status with which both providers answer such a request.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            // The providers know no 422: a body of the wrong shape is a bad request as any other.
            Self::Body(JsonRejection::JsonDataError(_))
            | Self::NoMessages
            | Self::Unreadable
            | Self::NoSuchTool => StatusCode::BAD_REQUEST,
            Self::Body(rejection) => rejection.status(),
            Self::UnknownModel(_) => StatusCode::NOT_FOUND,
            Self::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
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

    async fn refused(content_type: &str, body: &'static str) -> Refusal {
        let request =
            Request::builder().header("content-type", content_type).body(Body::from(body)).unwrap();
        Json::<Vec<u8>>::from_request(request, &()).await.unwrap_err().into()
    }

    #[tokio::test]
    async fn bodies_are_refused_with_the_providers_statuses() {
        for (content_type, body, status) in [
            ("application/json", "[1", StatusCode::BAD_REQUEST),
            ("application/json", "{}", StatusCode::BAD_REQUEST),
            ("text/plain", "[1]", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ] {
            assert_eq!(refused(content_type, body).await.status(), status, "{body}");
        }
    }
}
