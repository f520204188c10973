//! Transparency of the layer: requests and responses pass through it unchanged.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::response::{IntoResponse, Response};
use axum::routing::get as route_get;
use axum::{Extension, Router};
use futures_util::{StreamExt, stream};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use streamgauge::{instrument_endpoint, streaming_metrics};
use streamgauge_test_support::client::{metrics, send};
use tower::ServiceExt;

/// A body of three frames and trailers that reports the given size hint and counts its polls.
struct ScriptedBody {
    hint: SizeHint,
    frames: usize,
    polls: Arc<AtomicUsize>,
}

impl HttpBody for ScriptedBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        self.polls.fetch_add(1, SeqCst);
        self.frames += 1;
        Poll::Ready(match self.frames {
            1..=3 => Some(Ok(Frame::data(Bytes::from("chunk")))),
            4 => {
                let mut trailers = HeaderMap::new();
                trailers.insert("x-sum", HeaderValue::from_static("7"));
                Some(Ok(Frame::trailers(trailers)))
            }
            _ => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.frames >= 4
    }

    fn size_hint(&self) -> SizeHint {
        // `Copy` only since http-body 1.1.
        Clone::clone(&self.hint)
    }
}

fn scripted_body(lower: u64, upper: Option<u64>, polls: &Arc<AtomicUsize>) -> Body {
    let mut hint = SizeHint::new();
    hint.set_lower(lower);
    if let Some(upper) = upper {
        hint.set_upper(upper);
    }
    Body::new(ScriptedBody { hint, frames: 0, polls: Arc::clone(polls) })
}

/// Reads a body and returns its state before every frame, as a transport sees it.
async fn observed(mut body: Body) -> Vec<String> {
    let mut steps = Vec::new();
    loop {
        steps.push(format!("{:?} {}", HttpBody::size_hint(&body), body.is_end_stream()));
        match body.frame().await {
            None => return steps,
            Some(frame) => steps.push(format!("{frame:?}")),
        }
    }
}

#[tokio::test]
async fn response_body_reports_the_same_state_at_every_step() {
    #[streaming_metrics]
    async fn metered(response: Response) -> Response {
        response
    }
    for (lower, upper) in [(0, None), (15, Some(15)), (3, None), (3, Some(100))] {
        let body = move || Response::new(scripted_body(lower, upper, &Arc::default()));
        let router = Router::new()
            .route("/plain", route_get(move || async move { body() }))
            .route("/stream", route_get(move || metered(body())));
        let recorded = router.clone().layer(metrics().layer());
        for path in ["/plain", "/stream"] {
            let without = send(&router, Method::GET, path).await.into_body();
            let with = send(&recorded, Method::GET, path).await.into_body();
            assert_eq!(observed(with).await, observed(without).await, "{path} {lower} {upper:?}");
        }
    }
}

#[tokio::test]
async fn response_body_is_polled_on_demand() {
    let polls = Arc::new(AtomicUsize::new(0));
    let source = Arc::clone(&polls);
    let app = Router::new()
        .route("/", route_get(move || async move { scripted_body(0, None, &source) }))
        .layer(metrics().layer());
    let mut body = send(&app, Method::GET, "/").await.into_body();
    assert_eq!(polls.load(SeqCst), 0);
    for frames in 1..=4 {
        body.frame().await.expect("the body has a frame").expect("the frame is not an error");
        assert_eq!(polls.load(SeqCst), frames);
    }
}

#[derive(Clone)]
struct FromOutside(u32);

#[tokio::test]
async fn request_extensions_reach_the_handler() {
    #[instrument_endpoint]
    async fn handler(Extension(FromOutside(number)): Extension<FromOutside>) -> String {
        number.to_string()
    }
    let app = Router::new().route("/", route_get(handler)).layer(metrics().layer());
    let mut request = Request::get("/").body(Body::empty()).expect("the request is well formed");
    request.extensions_mut().insert(FromOutside(7));
    let response = app.oneshot(request).await.expect("a router does not fail");
    assert_eq!(
        response.into_body().collect().await.expect("the body does not fail").to_bytes(),
        "7"
    );
}

#[tokio::test]
async fn response_extensions_and_headers_are_kept() {
    async fn handler() -> impl IntoResponse {
        let headers = [("x-own", "1"), ("content-length", "6"), ("etag", "\"7\"")];
        let items = stream::iter(["one", "two"]).map(Ok::<_, std::io::Error>);
        (headers, Extension(FromOutside(7)), Body::from_stream(items))
    }
    let router = Router::new().route("/", route_get(handler));
    let recorded = router.clone().layer(metrics().layer());
    for method in [Method::GET, Method::HEAD, Method::POST] {
        let without = send(&router, method.clone(), "/").await;
        let with = send(&recorded, method.clone(), "/").await;
        assert_eq!(with.status(), without.status(), "{method}");
        assert_eq!(with.headers(), without.headers(), "{method}");
        assert_eq!(with.version(), without.version(), "{method}");
        let extension = |response: &Response| response.extensions().get::<FromOutside>().is_some();
        assert_eq!(extension(&with), extension(&without), "{method}");
        let bytes =
            async |body: Body| body.collect().await.expect("the body does not fail").to_bytes();
        assert_eq!(bytes(with.into_body()).await, bytes(without.into_body()).await, "{method}");
    }
}
