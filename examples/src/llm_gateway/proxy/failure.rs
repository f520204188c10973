//! Why the upstream gave no answer, and how each API says so.

use std::error::Error as StdError;

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;
use streamgauge::ExceptionType;
use thiserror::Error;

use super::causes::{Causes, causes};

/// Why there is no answer. What it says is for clients, and names neither the upstream nor the key.
#[derive(Debug, Error, ExceptionType)]
pub(super) enum Failure {
    #[error("the upstream cannot be reached")]
    Unreachable,
    #[error("the upstream took too long to answer")]
    TimedOut,
    #[error("the upstream broke off before it answered")]
    BrokenOff,
    #[error("the request's body broke off")]
    Upload,
}

impl Failure {
    /// What a request has failed with. The log has the causes, which are for whoever runs this.
    pub(super) fn of(error: reqwest::Error) -> Self {
        let error = error.without_url();
        tracing::warn!(cause = %Causes(&error), "the upstream gave no answer");
        // The upload is axum's, and so is its error.
        if causes(&error).any(<dyn StdError>::is::<axum::Error>) {
            Self::Upload
        } else if error.is_timeout() {
            Self::TimedOut
        } else if error.is_connect() {
            Self::Unreachable
        } else {
            Self::BrokenOff
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Unreachable | Self::BrokenOff => StatusCode::BAD_GATEWAY,
            Self::TimedOut => StatusCode::GATEWAY_TIMEOUT,
            Self::Upload => StatusCode::BAD_REQUEST,
        }
    }
}

/// A failure as `OpenAI`'s clients expect it.
#[derive(Debug, Error)]
#[error(transparent)]
pub(super) struct OpenAiFailure(#[from] Failure);

/// A failure as Anthropic's clients expect it.
#[derive(Debug, Error)]
#[error(transparent)]
pub(super) struct AnthropicFailure(#[from] Failure);

impl IntoResponse for OpenAiFailure {
    fn into_response(self) -> Response {
        let kind = match self.0 {
            Failure::Upload => "invalid_request_error",
            Failure::Unreachable | Failure::TimedOut | Failure::BrokenOff => "server_error",
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

impl IntoResponse for AnthropicFailure {
    fn into_response(self) -> Response {
        let kind = match self.0 {
            Failure::Upload => "invalid_request_error",
            Failure::TimedOut => "timeout_error",
            Failure::Unreachable | Failure::BrokenOff => "api_error",
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

macro_rules! named_by_the_failure {
    ($($outer:ty),*) => {$(
        impl ExceptionType for $outer {
            fn exception_type(&self) -> &'static str {
                self.0.exception_type()
            }
        }
    )*};
}

named_by_the_failure!(OpenAiFailure, AnthropicFailure);
