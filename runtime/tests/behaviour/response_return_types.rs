//! Return types whose stream or bytes only the layer can reach, and streams with a status and
//! headers beside them.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get as route_get};
use axum::{Json, Router};
use futures_core::Stream;
use futures_core::stream::BoxStream;
use futures_util::{StreamExt, stream as streams};
use http_body_util::BodyExt;
use streamgauge::{Metrics, instrument_endpoint, streaming_metrics, track_tokens};
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::{get, metrics, send, settled};

use crate::sample_replies::{Ending, Io, OPENAI, source};

/// The events of the chat that every function in this file returns.
const EVENTS: i64 = 6;

fn chat() -> impl Stream<Item = Io<Bytes>> + Send + 'static {
    source(OPENAI.frames(), Ending::Complete)
}

type Events = Sse<BoxStream<'static, Result<Event, Infallible>>>;

fn events() -> Events {
    let data = OPENAI.frames().into_iter().flat_map(|frame| frame.split("\n\n"));
    let data = data.filter_map(|event| event.strip_prefix("data: "));
    let events: Vec<_> = data.map(|data| Ok(Event::default().data(data))).collect();
    Sse::new(streams::iter(events).boxed())
}

/// A response of the user's.
struct Chat;

impl IntoResponse for Chat {
    fn into_response(self) -> Response {
        events().into_response()
    }
}

#[derive(Debug)]
struct Unavailable;

impl IntoResponse for Unavailable {
    fn into_response(self) -> Response {
        StatusCode::SERVICE_UNAVAILABLE.into_response()
    }
}

type Reply = Result<Chat, Unavailable>;

/// Declares handlers of each return type with these attributes, and a router of all of them.
macro_rules! handlers {
    ($module:ident: $($attribute:meta),+) => {
        mod $module {
            use super::*;

            $(#[$attribute])+
            async fn headers() -> (HeaderMap, Events) {
                (HeaderMap::new(), events())
            }

            $(#[$attribute])+
            async fn status_and_headers() -> (StatusCode, HeaderMap, Events) {
                (StatusCode::OK, HeaderMap::new(), events())
            }

            $(#[$attribute])+
            async fn own() -> Chat {
                Chat
            }

            $(#[$attribute])+
            async fn own_in_result() -> Result<Chat, Unavailable> {
                Ok(Chat)
            }

            $(#[$attribute])+
            async fn aliased() -> Reply {
                Ok(Chat)
            }

            $(#[$attribute])+
            async fn nested() -> Result<Result<Chat, Unavailable>, StatusCode> {
                Ok(Ok(Chat))
            }

            $(#[$attribute])+
            async fn opaque() -> impl IntoResponse {
                Chat
            }

            pub(super) const PATHS: [&str; 7] = [
                "/headers", "/status_and_headers", "/own", "/own_in_result", "/aliased", "/nested",
                "/opaque",
            ];

            pub(super) fn app(metrics: &Metrics) -> Router {
                Router::new()
                    .route("/headers", route_get(headers))
                    .route("/status_and_headers", route_get(status_and_headers))
                    .route("/own", route_get(own))
                    .route("/own_in_result", route_get(own_in_result))
                    .route("/aliased", route_get(aliased))
                    .route("/nested", route_get(nested))
                    .route("/opaque", route_get(opaque))
                    .layer(metrics.layer())
            }
        }
    };
}

handlers!(metered: streaming_metrics);
handlers!(parsed: streaming_metrics(protocol = "openai"));
handlers!(tracked: track_tokens(protocol = "openai"));
handlers!(both: streaming_metrics(protocol = "openai"), track_tokens(protocol = "openai"));

fn sum(scrape: &Scrape, family: &str, path: &str) -> i64 {
    scrape.sum(family, &[("endpoint", path)])
}

#[tokio::test]
async fn responses_of_every_type_are_metered() {
    let metrics = metrics();
    let app = metered::app(&metrics);
    for path in metered::PATHS {
        get(&app, path).await;
        let scrape = settled(&metrics);
        assert_eq!(sum(&scrape, "app_stream_chunks_total", path), EVENTS, "{path}");
        assert_eq!(sum(&scrape, "app_stream_duration_seconds_count", path), 1, "{path}");
        assert_eq!(sum(&scrape, "app_llm_calls_total", path), 0, "{path}");
    }
}

#[tokio::test]
async fn responses_of_every_type_are_parsed() {
    let metrics = metrics();
    for (app, paths, chunks) in [
        (parsed::app(&metrics), parsed::PATHS, EVENTS),
        (tracked::app(&metrics), tracked::PATHS, 0),
        (both::app(&metrics), both::PATHS, EVENTS),
    ] {
        for path in paths {
            let before = settled(&metrics);
            get(&app, path).await;
            let after = settled(&metrics);
            let grown = |family| sum(&after, family, path) - sum(&before, family, path);
            assert_eq!(grown("app_stream_chunks_total"), chunks, "{path}");
            assert_eq!(grown("app_llm_calls_total"), 1, "{path}");
            assert_eq!(grown("app_token_usage_total"), OPENAI.total(), "{path}");
            assert_eq!(grown("app_usage_missing_total"), 0, "{path}");
        }
    }
}

async fn scrape_after(handler: MethodRouter) -> (Response, Scrape) {
    let metrics = metrics();
    let app = Router::new().route("/chat", handler).layer(metrics.layer());
    let (head, body) = send(&app, Method::GET, "/chat").await.into_parts();
    let body = body.collect().await.expect("the body does not fail").to_bytes();
    (Response::from_parts(head, Body::from(body)), settled(&metrics))
}

#[tokio::test]
async fn inner_error_of_a_nested_result_is_a_failed_call() {
    #[track_tokens(protocol = "openai")]
    async fn in_place() -> Result<Result<Response, Unavailable>, StatusCode> {
        Ok(Err(Unavailable))
    }
    #[track_tokens(protocol = "openai")]
    async fn opaque() -> Result<Result<impl IntoResponse, Unavailable>, StatusCode> {
        if chat().size_hint().0 > usize::MAX / 2 {
            return Ok(Ok(Chat));
        }
        Ok(Err(Unavailable))
    }
    for handler in [route_get(in_place), route_get(opaque)] {
        let (response, scrape) = scrape_after(handler).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        let failed = [("endpoint", "/chat"), ("finish_reason", "error")];
        assert_eq!(scrape.sum("app_llm_calls_total", &failed), 1);
        assert_eq!(scrape.sum("app_llm_calls_total", &[]), 1);
    }
}

#[tokio::test]
async fn inner_error_of_a_nested_result_is_an_exception() {
    #[derive(streamgauge::ExceptionType)]
    enum Refused {
        TooLong,
    }
    impl IntoResponse for Refused {
        fn into_response(self) -> Response {
            StatusCode::PAYLOAD_TOO_LARGE.into_response()
        }
    }
    #[instrument_endpoint]
    async fn unnamed() -> Result<Result<StatusCode, Unavailable>, Refused> {
        Ok(Err(Unavailable))
    }
    #[instrument_endpoint]
    async fn named() -> Result<Result<Json<u32>, Refused>, Unavailable> {
        Ok(Err(Refused::TooLong))
    }
    #[instrument_endpoint]
    async fn named_within_named() -> Result<Result<Json<u32>, Refused>, Refused> {
        Ok(Err(Refused::TooLong))
    }
    #[instrument_endpoint]
    async fn outer() -> Result<Result<Json<u32>, Unavailable>, Refused> {
        Err(Refused::TooLong)
    }
    #[instrument_endpoint]
    async fn none() -> Result<Result<Json<u32>, Unavailable>, Refused> {
        Ok(Ok(Json(1)))
    }
    for (handler, exceptions) in [
        (route_get(unnamed), Some(("Unavailable", "503"))),
        (route_get(named), Some(("TooLong", "413"))),
        (route_get(named_within_named), Some(("TooLong", "413"))),
        (route_get(outer), Some(("TooLong", "413"))),
        (route_get(none), None),
    ] {
        let (_, scrape) = scrape_after(handler).await;
        let total = scrape.sum("app_exceptions_total", &[]);
        assert_eq!(total, i64::from(exceptions.is_some()), "{scrape:#?}");
        if let Some((name, status)) = exceptions {
            let labels = [("exception_type", name), ("status", status)];
            assert_eq!(scrape.sum("app_exceptions_total", &labels), 1, "{scrape:#?}");
        }
    }
}

/// The reply of a failed attempt is not sent, so that the layer does not see its status.
#[tokio::test]
async fn tuple_with_an_error_status_is_a_failed_call() {
    #[track_tokens(protocol = "openai")]
    async fn attempt(number: u32) -> (StatusCode, Events) {
        let status = if number == 0 { StatusCode::TOO_MANY_REQUESTS } else { StatusCode::OK };
        (status, events())
    }
    async fn retried() -> impl IntoResponse {
        drop(attempt(0).await);
        attempt(1).await
    }
    let (response, scrape) = scrape_after(route_get(retried)).await;
    assert_eq!(response.status(), StatusCode::OK);
    for finish_reason in ["error", "stop"] {
        let calls = [("endpoint", "/chat"), ("finish_reason", finish_reason)];
        assert_eq!(scrape.sum("app_llm_calls_total", &calls), 1, "{scrape:#?}");
    }
    assert_eq!(scrape.sum("app_llm_calls_total", &[]), 2);
    assert_eq!(scrape.sum("app_token_usage_total", &[]), OPENAI.total());
}

#[tokio::test]
async fn media_type_keeps_the_status_and_the_headers_beside_the_stream() {
    fn headers() -> HeaderMap {
        HeaderMap::from_iter([
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        ])
    }
    #[streaming_metrics(media_type = "text/event-stream", protocol = "openai")]
    async fn with_status() -> (StatusCode, impl Stream<Item = Io<Bytes>>) {
        (StatusCode::ACCEPTED, chat())
    }
    #[streaming_metrics(media_type = "text/event-stream", protocol = "openai")]
    async fn with_headers() -> (HeaderMap, impl Stream<Item = Io<Bytes>>) {
        (headers(), chat())
    }
    #[streaming_metrics(media_type = "text/event-stream", protocol = "openai")]
    async fn with_both()
    -> Result<(StatusCode, HeaderMap, impl Stream<Item = Io<Bytes>>), Unavailable> {
        Ok((StatusCode::ACCEPTED, headers(), chat()))
    }
    for (handler, status, cache_control) in [
        (route_get(with_status), StatusCode::ACCEPTED, None),
        (route_get(with_headers), StatusCode::OK, Some("no-store")),
        (route_get(with_both), StatusCode::ACCEPTED, Some("no-store")),
    ] {
        let (response, scrape) = scrape_after(handler).await;
        assert_eq!(response.status(), status);
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        assert_eq!(header(CONTENT_TYPE), Some("text/event-stream"));
        assert_eq!(response.headers().get_all(CONTENT_TYPE).iter().count(), 1);
        assert_eq!(header(CACHE_CONTROL), cache_control);
        let body = response.into_body().collect().await.expect("the body does not fail");
        assert_eq!(body.to_bytes(), OPENAI.frames().concat());
        assert_eq!(sum(&scrape, "app_stream_duration_seconds_count", "/chat"), 1);
        assert_eq!(sum(&scrape, "app_llm_calls_total", "/chat"), 1);
        assert_eq!(sum(&scrape, "app_token_usage_total", "/chat"), OPENAI.total());
    }
}

#[tokio::test]
async fn media_type_with_an_error_status_is_a_failed_call_and_no_stream() {
    #[streaming_metrics(media_type = "text/event-stream", protocol = "openai")]
    async fn failed() -> (StatusCode, impl Stream<Item = Io<Bytes>>) {
        (StatusCode::BAD_GATEWAY, chat())
    }
    let (response, scrape) = scrape_after(route_get(failed)).await;
    assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(sum(&scrape, "app_stream_duration_seconds_count", "/chat"), 0);
    assert_eq!(scrape.sum("app_llm_calls_total", &[("error_type", "server_error")]), 1);
    assert_eq!(sum(&scrape, "app_llm_calls_total", "/chat"), 1);
    assert_eq!(sum(&scrape, "app_token_usage_total", "/chat"), 0);
}

#[tokio::test]
async fn media_type_with_a_header_that_cannot_be_sent_is_the_error_of_axum() {
    #[streaming_metrics(media_type = "text/event-stream")]
    async fn invalid() -> ([(&'static str, &'static str); 1], streams::Empty<String>) {
        ([("not a header", "")], streams::empty())
    }
    let (response, scrape) = scrape_after(route_get(invalid)).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(sum(&scrape, "app_stream_duration_seconds_count", "/chat"), 0);
}
