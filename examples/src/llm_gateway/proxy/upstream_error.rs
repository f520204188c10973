//! Errors of requests that the upstream did not answer, and their JSON in each API.

use std::error::Error as StdError;

use axum::{
    Json,
    extract::rejection::BytesRejection,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;
use streamgauge::{
    ExceptionType,
    call::{CallError, CallErrorType},
};
use thiserror::Error;

use super::error_chain::{ErrorChain, error_chain};

/// The reason for which the upstream did not answer.
///
/// The variant's name is the label `exception_type`. The message is sent to clients, so it contains
/// neither the upstream's address nor the key.
#[derive(Debug, Error, ExceptionType)]
pub(super) enum UpstreamError {
    #[error("the upstream cannot be reached")]
    Unreachable,
    #[error("the upstream took too long to answer")]
    TimedOut,
    #[error("the upstream broke off before it answered")]
    BrokenOff,
    #[error("the upstream answered with a status that cannot be forwarded")]
    InvalidStatus,
    #[error("the request's body broke off")]
    Upload,
    #[error("the request's body is too large")]
    TooLarge,
}

impl UpstreamError {
    /// Classifies an error of the HTTP client.
    ///
    /// Logs the error with its sources, which clients do not see.
    pub(super) fn from_reqwest(error: reqwest::Error) -> Self {
        let error = error.without_url();
        tracing::warn!(cause = %ErrorChain(&error), "the upstream gave no answer");
        // Only the request body that the client uploads fails with an error of axum's.
        if error_chain(&error).any(<dyn StdError>::is::<axum::Error>) {
            Self::Upload
        } else if error.is_timeout() {
            Self::TimedOut
        } else if error.is_connect() {
            Self::Unreachable
        } else {
            Self::BrokenOff
        }
    }

    /// Classifies an error of a request body that is read into memory.
    pub(super) fn from_upload(error: &BytesRejection) -> Self {
        if error.status() == StatusCode::PAYLOAD_TOO_LARGE { Self::TooLarge } else { Self::Upload }
    }

    /// Returns true if another upstream may answer the same request.
    pub(super) fn is_of_the_upstream(&self) -> bool {
        match self {
            Self::Unreachable | Self::TimedOut | Self::BrokenOff | Self::InvalidStatus => true,
            Self::Upload | Self::TooLarge => false,
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Unreachable | Self::BrokenOff | Self::InvalidStatus => StatusCode::BAD_GATEWAY,
            Self::TimedOut => StatusCode::GATEWAY_TIMEOUT,
            Self::Upload => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        }
    }
}

impl CallError for UpstreamError {
    fn call_error_type(&self) -> CallErrorType {
        match self {
            Self::Unreachable | Self::BrokenOff => CallErrorType::Connect,
            Self::TimedOut => CallErrorType::Timeout,
            Self::InvalidStatus => CallErrorType::ServerError,
            Self::Upload | Self::TooLarge => CallErrorType::InvalidRequest,
        }
    }
}

/// An [`UpstreamError`] in the JSON that `OpenAI`'s clients expect.
#[derive(Debug, Error)]
#[error(transparent)]
pub(super) struct OpenAiUpstreamError(#[from] UpstreamError);

/// An [`UpstreamError`] in the JSON that Anthropic's clients expect.
#[derive(Debug, Error)]
#[error(transparent)]
pub(super) struct AnthropicUpstreamError(#[from] UpstreamError);

impl IntoResponse for OpenAiUpstreamError {
    fn into_response(self) -> Response {
        let kind = match self.0 {
            UpstreamError::Upload | UpstreamError::TooLarge => "invalid_request_error",
            UpstreamError::Unreachable
            | UpstreamError::TimedOut
            | UpstreamError::BrokenOff
            | UpstreamError::InvalidStatus => "server_error",
        };
        let body = json!({
            "error": {
                "message": self.to_string(),
                "type": kind,
                "param": null,
                "code": null,
            }
        });
        (self.0.status(), Json(body)).into_response()
    }
}

impl IntoResponse for AnthropicUpstreamError {
    fn into_response(self) -> Response {
        let kind = match self.0 {
            UpstreamError::Upload | UpstreamError::TooLarge => "invalid_request_error",
            UpstreamError::TimedOut => "timeout_error",
            UpstreamError::Unreachable
            | UpstreamError::BrokenOff
            | UpstreamError::InvalidStatus => "api_error",
        };
        let body = json!({
            "type": "error",
            "error": {
                "type": kind,
                "message": self.to_string(),
            }
        });
        (self.0.status(), Json(body)).into_response()
    }
}

// Both wrappers have the exception type of the error that they contain.
macro_rules! delegate_exception_type {
    ($($wrapper:ty),*) => {$(
        impl ExceptionType for $wrapper {
            fn exception_type(&self) -> &'static str {
                self.0.exception_type()
            }
        }
    )*};
}

delegate_exception_type!(OpenAiUpstreamError, AnthropicUpstreamError);
