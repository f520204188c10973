//! Layers inside the metrics layer that break a response body off: the request, its stream and its
//! call have failed, whatever the handler returns.

use std::convert::Infallible;
use std::pin::Pin;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Method, StatusCode};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get as route_get;
use futures_core::Stream;
use futures_core::stream::BoxStream;
use futures_util::{StreamExt, stream as streams};
use http_body_util::{BodyExt, Limited};
use streamgauge::{Metrics, streaming_metrics, track_tokens, wrap_streaming_response};
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::{get, metrics, send, settled};
use tower_http::timeout::ResponseBodyTimeoutLayer;

use crate::sample_replies::{Ending, Io, OPENAI, source};

/// Sends the beginning of a reply and then nothing.
fn stalling() -> impl Stream<Item = Io<Bytes>> + Send + 'static {
    source(vec![OPENAI.opening, OPENAI.tokens[0]], Ending::Pending)
}

type Events = Sse<BoxStream<'static, Result<Event, Infallible>>>;

fn stalling_events() -> Events {
    let first = Ok(Event::default().data(OPENAI.tokens[0].trim_start_matches("data: ").trim()));
    Sse::new(streams::iter([first]).chain(streams::pending()).boxed())
}

fn stalling_response() -> Response {
    ([("content-type", "text/event-stream")], Body::from_stream(stalling())).into_response()
}

/// A response of the user's.
struct Chat;

impl IntoResponse for Chat {
    fn into_response(self) -> Response {
        stalling_response()
    }
}

/// Declares handlers of each return type with these attributes, and a router of all of them.
macro_rules! handlers {
    ($module:ident: $($attribute:meta),+) => {
        mod $module {
            use super::*;

            $(#[$attribute])+
            async fn body() -> Body {
                Body::from_stream(stalling())
            }

            $(#[$attribute])+
            async fn response() -> Response {
                stalling_response()
            }

            $(#[$attribute])+
            async fn result() -> Result<Response, StatusCode> {
                Ok(stalling_response())
            }

            $(#[$attribute])+
            async fn events() -> Events {
                stalling_events()
            }

            $(#[$attribute])+
            async fn tuple() -> (StatusCode, Events) {
                (StatusCode::OK, stalling_events())
            }

            $(#[$attribute])+
            async fn own() -> Chat {
                Chat
            }

            $(#[$attribute])+
            async fn opaque() -> impl IntoResponse {
                Chat
            }

            pub(super) fn routes() -> Router {
                Router::new()
                    .route("/body", route_get(body))
                    .route("/response", route_get(response))
                    .route("/result", route_get(result))
                    .route("/events", route_get(events))
                    .route("/tuple", route_get(tuple))
                    .route("/own", route_get(own))
                    .route("/opaque", route_get(opaque))
            }
        }
    };
}

handlers!(metered: streaming_metrics);
handlers!(parsed: streaming_metrics(protocol = "openai"));
handlers!(tracked: track_tokens(protocol = "openai"));
handlers!(both: streaming_metrics(protocol = "openai"), track_tokens(protocol = "openai"));

const PATHS: [&str; 7] = ["/body", "/response", "/result", "/events", "/tuple", "/own", "/opaque"];

/// Handlers whose stream is metered before it becomes a response.
mod streamed {
    use super::*;

    #[streaming_metrics(media_type = "text/event-stream")]
    async fn media_type() -> impl Stream<Item = Io<Bytes>> {
        stalling()
    }

    #[streaming_metrics]
    async fn boxed() -> Pin<Box<dyn Stream<Item = Io<Bytes>> + Send>> {
        Box::pin(stalling())
    }

    pub(super) fn routes() -> Router {
        Router::new()
            .route("/media_type", route_get(media_type))
            .route("/boxed", route_get(async || Body::from_stream(boxed().await)))
            .route(
                "/wrapped",
                route_get(async || {
                    Body::from_stream(wrap_streaming_response(stalling(), "/wrapped"))
                }),
            )
    }

    pub(super) const PATHS: [&str; 3] = ["/media_type", "/boxed", "/wrapped"];
}

/// A layer that breaks response bodies off.
#[derive(Clone, Copy, Debug)]
enum Breaker {
    /// After a time without a frame.
    Timeout,
    /// After a number of bytes.
    Limit,
    /// With the first frame, as an encoder does that fails. It drops the body before that.
    Encoder,
}

fn broken(routes: Router, breaker: Breaker) -> Router {
    use axum::middleware::map_response;
    match breaker {
        Breaker::Timeout => routes.layer(ResponseBodyTimeoutLayer::new(Duration::from_secs(30))),
        Breaker::Limit => routes.layer(map_response(async |response: Response| {
            response.map(|body| Body::new(Limited::new(body, 5)))
        })),
        Breaker::Encoder => routes.layer(map_response(async |response: Response| {
            response.map(|body| {
                let frames = body.into_data_stream();
                Body::from_stream(streams::unfold(Some(frames), |frames| async {
                    let frame = frames?.next().await?;
                    assert!(frame.is_ok());
                    Some((Err::<Bytes, _>(std::io::Error::other("encoder")), None))
                }))
            })
        })),
    }
}

/// Requests a path, and reads the response until it fails.
async fn read_until_error(app: &Router, path: &str) {
    let response = send(app, Method::GET, path).await;
    assert_eq!(response.status(), StatusCode::OK);
    response.into_body().collect().await.expect_err("the body breaks off");
}

fn sum(scrape: &Scrape, family: &str, path: &str, labels: &[(&str, &str)]) -> i64 {
    let mut labels = labels.to_vec();
    labels.push(("endpoint", path));
    scrape.sum(family, &labels)
}

/// Asserts that a request has failed, and so have its streams and calls.
fn assert_failed(metrics: &Metrics, path: &str, streams: i64, calls: i64, context: &str) {
    let scrape = settled(metrics);
    let sum = |family: &str, labels: &[(&str, &str)]| sum(&scrape, family, path, labels);
    let failed = [("outcome", "server_error")];
    assert_eq!(sum("app_http_requests_total", &failed), 1, "{context}");
    assert_eq!(sum("app_errors_total", &[("error_type", "stream")]), 1, "{context}");
    let failed = [("outcome", "stream_error")];
    assert_eq!(sum("app_stream_duration_seconds_count", &failed), streams, "{context}");
    assert_eq!(sum("app_stream_duration_seconds_count", &[]), streams, "{context}");
    assert_eq!(sum("app_stream_errors_total", &[]), streams, "{context}");
    assert_eq!(sum("app_llm_calls_total", &[("error_type", "other")]), calls, "{context}");
    assert_eq!(sum("app_llm_calls_total", &[]), calls, "{context}");
    let failed = [("outcome", "error")];
    assert_eq!(sum("app_llm_call_duration_seconds_count", &failed), calls, "{context}");
    assert_eq!(sum("app_usage_missing_total", &[]), 0, "{context}");
    assert_eq!(scrape.sum("app_global_exceptions_total", &[]), 1, "{context}");
}

#[tokio::test(start_paused = true)]
async fn bodies_that_a_layer_breaks_off_fail_in_every_family() {
    for breaker in [Breaker::Timeout, Breaker::Limit, Breaker::Encoder] {
        for (routes, streams, calls) in [
            (metered::routes(), 1, 0),
            (parsed::routes(), 1, 1),
            (tracked::routes(), 0, 1),
            (both::routes(), 1, 1),
        ] {
            for path in PATHS {
                let metrics = metrics();
                let app = broken(routes.clone(), breaker).layer(metrics.layer());
                read_until_error(&app, path).await;
                let context = format!("{breaker:?} {path}, {streams} streams, {calls} calls");
                assert_failed(&metrics, path, streams, calls, &context);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn streams_that_a_layer_breaks_off_fail_in_every_family() {
    for breaker in [Breaker::Timeout, Breaker::Limit, Breaker::Encoder] {
        for path in streamed::PATHS {
            let metrics = metrics();
            let app = broken(streamed::routes(), breaker).layer(metrics.layer());
            read_until_error(&app, path).await;
            assert_failed(&metrics, path, 1, 0, &format!("{breaker:?} {path}"));
        }
    }
}

#[tokio::test]
async fn bodies_that_the_client_leaves_are_client_disconnects_behind_such_layers() {
    for breaker in [Breaker::Timeout, Breaker::Limit, Breaker::Encoder] {
        let metrics = metrics();
        let app = broken(parsed::routes(), breaker).layer(metrics.layer());
        drop(send(&app, Method::GET, "/opaque").await);
        let scrape = settled(&metrics);
        let sum = |family, outcome| scrape.sum(family, &[("outcome", outcome)]);
        assert_eq!(sum("app_http_requests_total", "cancelled"), 1, "{breaker:?}");
        assert_eq!(sum("app_stream_duration_seconds_count", "client_disconnect"), 1, "{breaker:?}");
        assert_eq!(sum("app_llm_call_duration_seconds_count", "cancelled"), 1, "{breaker:?}");
        assert_eq!(scrape.sum("app_stream_errors_total", &[]), 0, "{breaker:?}");
    }
}

#[tokio::test]
async fn streams_with_several_errors_count_one() {
    #[streaming_metrics]
    async fn numbers() -> Pin<Box<dyn Stream<Item = Io<Bytes>> + Send>> {
        let errors = (0..3).map(|_| Err(std::io::Error::other("on purpose")));
        Box::pin(streams::iter(errors))
    }

    let metrics = metrics();
    let read = async || numbers().await.collect::<Vec<_>>().await.len().to_string();
    let app = Router::new().route("/", route_get(read)).layer(metrics.layer());
    get(&app, "/").await;
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_stream_errors_total", &[("error_type", "io::Error")]), 1);
    assert_eq!(scrape.sum("app_stream_errors_total", &[]), 1);
    let failed = [("outcome", "stream_error")];
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &failed), 1);
}
