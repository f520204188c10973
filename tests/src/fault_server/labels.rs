//! Endpoints, models and exceptions whose names are given at the start.

use std::future::ready;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use futures_util::stream::{self, StreamExt};
use streamgauge::{ExceptionType, instrument_endpoint, track_tokens, wrap_streaming_response};

use super::tokens::Answer;

/// Builds a route `/labels/<index>/x` for each text. The text is in the endpoint, the provider, the
/// model and the type of the exception of this route.
pub fn labelled_routes(texts: &[String]) -> Router {
    texts.iter().enumerate().fold(Router::new(), |app, (index, text)| {
        // The name of a parameter is any text without a slash.
        let parameters = text.replace('/', "}/{");
        let text: &'static str = text.clone().leak();
        app.route(&format!("/labels/{index}/{{{parameters}}}"), get(refuse).with_state(text))
    })
}

/// Builds a route `/numbered/<index>` for each number below `count`.
pub fn numbered_routes(count: usize) -> Router {
    (0..count).fold(Router::new(), |app, index| {
        app.route(&format!("/numbered/{index:04}"), get(|| async { "ok" }))
    })
}

/// Records a stream of two chunks, whose endpoint is `name`.
pub async fn record_stream(name: &str) {
    let chunks = stream::iter(["one", "two"]);
    wrap_streaming_response(chunks, name).for_each(|_| ready(())).await;
}

/// An error with a name that is not known when the program is compiled.
pub(super) struct Refusal(&'static str);

impl ExceptionType for Refusal {
    fn exception_type(&self) -> &'static str {
        self.0
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        StatusCode::CONFLICT.into_response()
    }
}

#[instrument_endpoint]
#[track_tokens(provider = text, model = text)]
async fn refuse(State(text): State<&'static str>) -> Result<Json<Answer>, Refusal> {
    Err(Refusal(text))
}
