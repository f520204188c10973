//! Layers inside the metrics layer that answer with another response than the handler's: what an
//! attribute knows of the handler's response is not applied to the other one.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Method, StatusCode};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get as route_get;
use streamgauge::{instrument_endpoint, streaming_metrics, track_tokens};
use streamgauge_test_support::client::{get, metrics, send, settled};

use crate::sample_replies::{Ending, OPENAI, source};

/// A response of the user's.
struct Chat;

impl IntoResponse for Chat {
    fn into_response(self) -> Response {
        let chat = source(OPENAI.frames(), Ending::Complete);
        ([("content-type", "text/event-stream")], Body::from_stream(chat)).into_response()
    }
}

/// Declares handlers of each return type with these attributes, and a router of all of them.
macro_rules! handlers {
    ($module:ident: $($attribute:meta),+) => {
        mod $module {
            use super::*;

            $(#[$attribute])+
            async fn opaque() -> impl IntoResponse {
                Chat
            }

            $(#[$attribute])+
            async fn opaque_in_result() -> Result<impl IntoResponse, StatusCode> {
                Ok(Chat)
            }

            $(#[$attribute])+
            async fn response() -> Response {
                Chat.into_response()
            }

            $(#[$attribute])+
            async fn body() -> Body {
                Chat.into_response().into_body()
            }

            pub(super) fn routes() -> Router {
                Router::new()
                    .route("/body", route_get(body))
                    .route("/opaque", route_get(opaque))
                    .route("/opaque_in_result", route_get(opaque_in_result))
                    .route("/response", route_get(response))
            }
        }
    };
}

handlers!(metered: streaming_metrics);
handlers!(parsed: streaming_metrics(protocol = "openai"));
handlers!(tracked: track_tokens(protocol = "openai"));
handlers!(both: streaming_metrics(protocol = "openai"), track_tokens(protocol = "openai"));
handlers!(all: instrument_endpoint, streaming_metrics(protocol = "openai"), track_tokens(protocol = "openai"));

const PATHS: [&str; 4] = ["/body", "/opaque", "/opaque_in_result", "/response"];

#[tokio::test]
async fn stream_that_a_layer_replaces_is_not_recorded() {
    for status in [StatusCode::OK, StatusCode::GATEWAY_TIMEOUT] {
        for (routes, calls) in [
            (metered::routes(), 0),
            (parsed::routes(), 1),
            (tracked::routes(), 1),
            (both::routes(), 1),
        ] {
            for path in PATHS {
                let metrics = metrics();
                let replace = map_response(move |_: Response| async move { (status, "cached") });
                let app = routes.clone().layer(replace).layer(metrics.layer());
                assert_eq!(get(&app, path).await, (status, Bytes::from_static(b"cached")));
                let scrape = settled(&metrics);
                let context = format!("{path} {status} {calls} calls");
                assert_eq!(scrape.sum("app_http_requests_total", &[]), 1, "{context}");
                assert_eq!(scrape.sum("app_stream_chunks_total", &[]), 0, "{context}");
                assert_eq!(scrape.sum("app_stream_duration_seconds_count", &[]), 0, "{context}");
                // The model was called, and nobody has read its reply.
                assert_eq!(scrape.sum("app_llm_calls_total", &[]), calls, "{context}");
                let cancelled = [("outcome", "cancelled")];
                let ended = scrape.sum("app_llm_call_duration_seconds_count", &cancelled);
                assert_eq!(ended, calls, "{context}");
                assert_eq!(scrape.sum("app_token_usage_total", &[]), 0, "{context}");
            }
        }
    }
}

#[tokio::test]
async fn stream_of_an_own_type_that_an_error_replaces_is_not_recorded() {
    #[streaming_metrics]
    async fn own() -> Chat {
        Chat
    }

    let metrics = metrics();
    let replace = map_response(|_: Response| async { (StatusCode::GATEWAY_TIMEOUT, "too late") });
    let app = Router::new().route("/", route_get(own)).layer(replace).layer(metrics.layer());
    assert_eq!(get(&app, "/").await.0, StatusCode::GATEWAY_TIMEOUT);
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_stream_chunks_total", &[]), 0);
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &[]), 0);
}

#[tokio::test]
async fn opaque_responses_that_are_sent_are_recorded_as_responses_are() {
    for (routes, streams, calls) in [
        (metered::routes(), 1, 0),
        (parsed::routes(), 1, 1),
        (tracked::routes(), 0, 1),
        (both::routes(), 1, 1),
        (all::routes(), 1, 1),
    ] {
        for path in PATHS {
            let metrics = metrics();
            let app = routes.clone().layer(metrics.layer());
            get(&app, path).await;
            let scrape = settled(&metrics);
            let complete = [("endpoint", path), ("outcome", "complete")];
            let ended = scrape.sum("app_stream_duration_seconds_count", &complete);
            assert_eq!(ended, streams, "{path}");
            assert_eq!(scrape.sum("app_stream_chunks_total", &[]), streams * 5, "{path}");
            assert_eq!(scrape.sum("app_llm_calls_total", &[("finish_reason", "stop")]), calls);
            let tokens = scrape.sum("app_token_usage_total", &[]);
            assert_eq!(tokens, calls * OPENAI.total(), "{path}");
        }
    }
}

#[tokio::test]
async fn errors_in_opaque_responses_are_exceptions_under_any_order_of_attributes() {
    #[derive(Debug)]
    struct Unavailable;

    impl IntoResponse for Unavailable {
        fn into_response(self) -> Response {
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }

    #[streaming_metrics(protocol = "openai")]
    #[track_tokens(protocol = "openai")]
    #[instrument_endpoint(endpoint = "/inner")]
    async fn inner() -> impl IntoResponse {
        Err::<Chat, _>(Unavailable)
    }

    #[instrument_endpoint(endpoint = "/outer")]
    #[streaming_metrics(protocol = "openai")]
    #[track_tokens(protocol = "openai")]
    async fn outer() -> impl IntoResponse {
        Err::<Chat, _>(Unavailable)
    }

    let metrics = metrics();
    let app = Router::new()
        .route("/inner", route_get(inner))
        .route("/outer", route_get(outer))
        .layer(metrics.layer());
    for path in ["/inner", "/outer"] {
        assert_eq!(send(&app, Method::GET, path).await.status(), StatusCode::SERVICE_UNAVAILABLE);
        let scrape = settled(&metrics);
        let exception = [("endpoint", path), ("exception_type", "Unavailable"), ("status", "503")];
        assert_eq!(scrape.sum("app_exceptions_total", &exception), 1, "{path} {scrape:#?}");
    }
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_llm_calls_total", &[("error_type", "overloaded")]), 2);
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &[]), 0);
}
