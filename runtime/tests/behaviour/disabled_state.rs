//! Disabled instances beside others: what the thread serves is restored after panics, drops and
//! requests within requests, and response bodies keep their frames and lengths.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::Response;
use axum::routing::get as route_get;
use futures_util::{FutureExt, StreamExt, stream};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use streamgauge::{
    Metrics, Usage, instrument_endpoint, token_usage_context, track_detailed_exception,
    track_global_exception, track_tokens,
};
use streamgauge_test_support::client::{get, metrics, send, settled};

use crate::disabled::disabled;

#[track_tokens(provider = "house", model = "m")]
async fn ask() -> Usage {
    Usage::new(2, 1)
}

fn record() {
    token_usage_context::record(Usage::new(1, 1));
    track_detailed_exception(&std::fmt::Error, StatusCode::CONFLICT);
    track_global_exception(&std::fmt::Error);
}

#[instrument_endpoint]
async fn panics() -> &'static str {
    ask().await;
    panic!("a handler that panics")
}

async fn waits() {
    ask().await;
    std::future::pending::<()>().await;
}

fn failing_body() -> Response {
    let frames = stream::iter(0..3).then(|n| async move {
        ask().await;
        record();
        if n < 2 { Ok(Bytes::from("chunk")) } else { Err(std::io::Error::other("cut")) }
    });
    Response::new(Body::from_stream(frames))
}

/// A body of known length with trailers.
struct WithTrailers(u8);

impl HttpBody for WithTrailers {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        self.0 += 1;
        Poll::Ready(match self.0 {
            1 => Some(Ok(Frame::data(Bytes::from(vec![b'x'; 100_000])))),
            2 => Some(Ok(Frame::trailers(HeaderMap::from_iter([(
                header::ETAG,
                "\"1\"".parse().expect("a header value"),
            )])))),
            _ => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.0 == 2
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(if self.0 == 0 { 100_000 } else { 0 })
    }
}

fn routes() -> Router {
    Router::new()
        .route("/panics", route_get(panics))
        .route("/waits", route_get(waits))
        .route("/fails", route_get(|| async { failing_body() }))
        .route("/trailers", route_get(|| async { Response::new(Body::new(WithTrailers(0))) }))
}

/// Makes a request of another router that panics, one that is dropped, one that fails while its
/// body is read, and one whose body is dropped in part.
async fn go_wrong(inner: Router) {
    let panicked = std::panic::AssertUnwindSafe(send(&inner, Method::GET, "/panics"));
    panicked.catch_unwind().await.expect_err("the handler panics");
    assert!(send(&inner, Method::GET, "/waits").now_or_never().is_none());
    let failed = send(&inner, Method::GET, "/fails").await;
    failed.into_body().collect().await.expect_err("the body fails");
    let mut cut = send(&inner, Method::GET, "/fails").await.into_body();
    cut.frame().await.expect("a frame").expect("data");
    drop(cut);
    drop(send(&inner, Method::GET, "/fails").await);
}

/// The numbers of calls, tokens, exceptions and requests.
fn counts(metrics: &Metrics) -> [i64; 4] {
    let scrape = settled(metrics);
    [
        scrape.sum("app_llm_calls_total", &[("provider", "house")]),
        scrape.sum("app_token_usage_total", &[]),
        scrape.sum("app_exceptions_total", &[]),
        scrape.sum("app_http_requests_total", &[]),
    ]
}

#[tokio::test]
async fn handler_records_after_requests_of_a_disabled_instance_have_gone_wrong() {
    let counts_with = |wrong: Option<Router>| async move {
        let outer = metrics();
        let handler = || async {
            ask().await;
            if let Some(inner) = wrong {
                go_wrong(inner).await;
            }
            ask().await;
            record();
        };
        let app = Router::new().route("/outer", route_get(handler)).layer(outer.layer());
        assert_eq!(get(&app, "/outer").await.0, StatusCode::OK);
        counts(&outer)
    };
    let inner = routes().layer(disabled().layer());
    assert_eq!(counts_with(Some(inner)).await, counts_with(None).await);
}

#[tokio::test]
async fn handler_of_a_disabled_instance_stays_so_after_requests_of_an_enabled_one() {
    let within = metrics();
    let inner = routes().layer(within.layer());
    let handler = move || async move {
        ask().await;
        go_wrong(inner.clone()).await;
        ask().await;
        record();
    };
    let app = Router::new().route("/outer", route_get(handler)).layer(disabled().layer());
    assert_eq!(get(&app, "/outer").await.0, StatusCode::OK);
    let alone = metrics();
    go_wrong(routes().layer(alone.layer())).await;
    assert_eq!(counts(&within), counts(&alone));
    assert_eq!(counts(&within)[3], 5);
}

#[tokio::test]
async fn thread_serves_nothing_after_requests_of_a_disabled_instance_have_gone_wrong() {
    for _ in 0..3 {
        go_wrong(routes().layer(disabled().layer())).await;
    }
    // Whatever these requests have left on the thread would keep this one from being recorded, or
    // its calls.
    let metrics = metrics();
    let handler = || async {
        ask().await;
        record();
    };
    let app = Router::new().route("/", route_get(handler)).layer(metrics.layer());
    get(&app, "/").await;
    assert_eq!(counts(&metrics), [1, 5, 1, 1]);
}

#[tokio::test]
async fn body_of_a_disabled_instance_keeps_its_length_end_and_trailers() {
    let response = send(&routes().layer(disabled().layer()), Method::GET, "/trailers").await;
    assert_eq!(response.headers()[header::CONTENT_LENGTH], "100000");
    let mut body = response.into_body();
    assert_eq!(body.size_hint().exact(), Some(100_000));
    assert!(!body.is_end_stream());
    let data = body.frame().await.expect("a frame").expect("no error");
    assert_eq!(data.into_data().expect("data").len(), 100_000);
    let trailers = body.frame().await.expect("a frame").expect("no error");
    assert_eq!(trailers.into_trailers().expect("trailers")[header::ETAG], "\"1\"");
    assert!(body.is_end_stream());
}
