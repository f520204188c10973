//! Cancellation, by a client disconnect or a timeout outside the layer: a request that is dropped
//! after any number of polls is counted once, and active (in-flight) requests go back to zero.

use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use async_stream::stream;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::Method;
use axum::response::sse::{Event, Sse};
use axum::routing::get as route_get;
use futures_core::Stream;
use http_body::Body as HttpBody;
use streamgauge::{
    Metrics, Usage, instrument_endpoint, streaming_metrics, token_usage_context, track_tokens,
};
use streamgauge_test_support::client::{metrics, settled};
use tower::ServiceExt;

/// Returns `Pending` once.
async fn pause() {
    tokio::task::yield_now().await;
}

#[instrument_endpoint]
#[track_tokens(model = "m")]
async fn fixed() -> Result<Counted, axum::http::StatusCode> {
    pause().await;
    helper().await;
    pause().await;
    Ok(Counted)
}

#[instrument_endpoint]
async fn helper() {
    pause().await;
}

struct Counted;

impl streamgauge::TokenUsage for Counted {
    fn token_usage(&self) -> Option<Usage> {
        Some(Usage::new(1, 1))
    }
}

impl axum::response::IntoResponse for Counted {
    fn into_response(self) -> axum::response::Response {
        "counted".into_response()
    }
}

#[instrument_endpoint]
#[streaming_metrics(media_type = "text/plain")]
#[track_tokens(model = "m")]
async fn generator() -> impl Stream<Item = &'static str> {
    pause().await;
    stream! {
        for _ in 0..3 {
            pause().await;
            token_usage_context::record(Usage::new(0, 1));
            yield "chunk";
        }
    }
}

#[instrument_endpoint(endpoint = "/moved")]
#[streaming_metrics]
async fn events() -> Sse<impl Stream<Item = Result<Event, std::convert::Infallible>>> {
    pause().await;
    Sse::new(stream! {
        for _ in 0..3 {
            yield Ok(Event::default().data("one"));
            pause().await;
        }
    })
}

#[streaming_metrics]
fn failing() -> impl Stream<Item = std::io::Result<&'static str>> {
    stream! {
        yield Ok("one");
        pause().await;
        yield Err(std::io::Error::other("on purpose"));
    }
}

async fn upload(body: String) -> String {
    body
}

fn app(metrics: &Metrics) -> Router {
    Router::new()
        .route("/fixed", route_get(fixed))
        .route("/generator", route_get(generator))
        .route("/events", route_get(events))
        .route("/failing", route_get(|| async { Body::from_stream(failing()) }))
        .route("/upload", route_get(upload))
        .layer(metrics.layer())
}

fn request(path: &str) -> Request {
    let upload = stream! {
        for _ in 0..3 {
            pause().await;
            yield Ok::<_, std::convert::Infallible>("piece");
        }
    };
    let request = Request::builder().method(Method::GET).uri(path);
    request.body(Body::from_stream(upload)).expect("the request is well formed")
}

/// Polls a request `polls` times, first its head and then its body, and drops it. Returns whether
/// its end was reached.
fn poll(app: &Router, path: &str, polls: usize) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    let mut remaining = polls;
    let mut future = pin!(app.clone().oneshot(request(path)));
    let response = loop {
        if remaining == 0 {
            return false;
        }
        remaining -= 1;
        if let Poll::Ready(response) = future.as_mut().poll(&mut context) {
            break response.expect("a router does not fail");
        }
    };
    let mut body = response.into_body();
    loop {
        if remaining == 0 {
            return false;
        }
        remaining -= 1;
        match Pin::new(&mut body).poll_frame(&mut context) {
            Poll::Ready(None | Some(Err(_))) => return true,
            Poll::Ready(Some(Ok(_))) | Poll::Pending => {}
        }
    }
}

#[tokio::test]
async fn cancellation_after_any_poll_leaves_no_active_request() {
    for path in ["/fixed", "/generator", "/events", "/failing", "/upload", "/nope"] {
        let mut polls = 0;
        loop {
            let metrics = metrics();
            let ended = poll(&app(&metrics), path, polls);
            let scrape = settled(&metrics);
            let counted = scrape.sum("app_http_requests_total", &[]);
            assert_eq!(counted, i64::from(polls > 0), "{path} after {polls} polls");
            for family in ["app_request_size_bytes_count", "app_response_size_bytes_count"] {
                assert!(scrape.sum(family, &[]) <= counted, "{path} after {polls} polls");
            }
            let errors = scrape.sum("app_exceptions_total", &[])
                + scrape.sum("app_global_exceptions_total", &[]);
            assert_eq!(errors, i64::from(ended && path == "/failing"), "{path}, {polls} polls");
            let streams = scrape.sum("app_stream_duration_seconds_count", &[]);
            assert!(streams <= 1, "{path} after {polls} polls: {streams} streams");
            if ended {
                break;
            }
            polls += 1;
            assert!(polls < 100, "{path} does not end");
        }
    }
}
