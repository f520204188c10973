//! Layers inside the metrics layer that call a handler with model calls again: the reply of each
//! earlier attempt is not the response, and its call was not a success.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get as route_get;
use streamgauge::{instrument_endpoint, streaming_metrics, track_tokens};
use streamgauge_test_support::client::{get, metrics, settled};
use tower::retry::RetryLayer;

use crate::repeated_handlers::UntilSuccess;
use crate::sample_replies::{Ending, OPENAI, source};

/// A response of the user's, whose third one is no error.
struct Chat(u32);

impl IntoResponse for Chat {
    fn into_response(self) -> Response {
        if self.0 < 2 {
            return (StatusCode::SERVICE_UNAVAILABLE, "busy").into_response();
        }
        let chat = source(OPENAI.frames(), Ending::Complete);
        ([("content-type", "text/event-stream")], Body::from_stream(chat)).into_response()
    }
}

type Attempts = State<Arc<AtomicU32>>;

/// Declares handlers of each return type with these attributes, and a router of all of them.
macro_rules! handlers {
    ($module:ident: $($attribute:meta),+) => {
        mod $module {
            use super::*;

            $(#[$attribute])+
            async fn own(State(attempts): Attempts) -> Chat {
                Chat(attempts.fetch_add(1, Relaxed))
            }

            $(#[$attribute])+
            async fn opaque(State(attempts): Attempts) -> impl IntoResponse {
                Chat(attempts.fetch_add(1, Relaxed))
            }

            $(#[$attribute])+
            async fn result(State(attempts): Attempts) -> Result<Chat, StatusCode> {
                match attempts.fetch_add(1, Relaxed) {
                    ..2 => Err(StatusCode::SERVICE_UNAVAILABLE),
                    attempt => Ok(Chat(attempt)),
                }
            }

            pub(super) fn routes() -> Router<Arc<AtomicU32>> {
                Router::new()
                    .route("/own", route_get(own))
                    .route("/opaque", route_get(opaque))
                    .route("/result", route_get(result))
            }
        }
    };
}

handlers!(parsed: streaming_metrics(protocol = "openai"));
handlers!(tracked: track_tokens(protocol = "openai"));
handlers!(both: streaming_metrics(protocol = "openai"), track_tokens(protocol = "openai"));
handlers!(reversed: track_tokens(protocol = "openai"), streaming_metrics(protocol = "openai"));
handlers!(all: instrument_endpoint, streaming_metrics(protocol = "openai"), track_tokens(protocol = "openai"));

#[tokio::test]
async fn replies_of_earlier_attempts_are_no_successes() {
    for (routes, streams) in [
        (parsed::routes(), 1),
        (tracked::routes(), 0),
        (both::routes(), 1),
        (reversed::routes(), 1),
        (all::routes(), 1),
    ] {
        // The response of an own type exists only when the attribute has returned, so that the
        // layer cannot see why an earlier one was replaced.
        for (path, outcome) in [("/own", "cancelled"), ("/opaque", "error"), ("/result", "error")] {
            let metrics = metrics();
            let app = routes.clone().with_state(Arc::default());
            let app = app.layer(RetryLayer::new(UntilSuccess)).layer(metrics.layer());
            assert_eq!(get(&app, path).await.0, StatusCode::OK);
            let scrape = settled(&metrics);
            let ended = |family, outcome| scrape.sum(family, &[("outcome", outcome)]);
            let calls = |outcome| ended("app_llm_call_duration_seconds_count", outcome);
            assert_eq!(calls(outcome), 2, "{path} {streams} streams");
            assert_eq!(calls("success"), 1, "{path} {streams} streams");
            assert_eq!(scrape.sum("app_llm_calls_total", &[]), 3, "{path} {streams} streams");
            assert_eq!(scrape.sum("app_token_usage_total", &[]), OPENAI.total(), "{path}");
            assert_eq!(ended("app_stream_duration_seconds_count", "complete"), streams, "{path}");
            assert_eq!(scrape.sum("app_stream_duration_seconds_count", &[]), streams, "{path}");
        }
    }
}
