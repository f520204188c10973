//! User code that supplies a label or a count, and panics.

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::handler::Handler;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get as route_get;
use axum::{Json, Router};
use futures_util::stream;
use streamgauge::call::{CallError, CallErrorType};
use streamgauge::{
    ExceptionType, Metrics, RequestLabel, StreamChunk, TokenUsage, Usage, instrument_endpoint,
    streaming_metrics, track_named_exception, track_tokens,
};
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::{get, metrics, settled};

/// Serves one request with this handler.
async fn serve<H, T>(handler: H) -> (StatusCode, Bytes, Scrape)
where
    H: Handler<T, ()>,
    T: 'static,
{
    let metrics = metrics();
    let app = Router::new().route("/", route_get(handler)).layer(metrics.layer());
    let (status, body) = get(&app, "/").await;
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_http_requests_total", &[("outcome", "panic")]), 0);
    assert_eq!(scrape.sum("app_global_exceptions_total", &[]), 0);
    (status, body, scrape)
}

struct Nameless;

impl ExceptionType for Nameless {
    fn exception_type(&self) -> &'static str {
        panic!("exception_type panics")
    }
}

impl CallError for Nameless {
    fn call_error_type(&self) -> CallErrorType {
        panic!("call_error_type panics")
    }
}

impl IntoResponse for Nameless {
    fn into_response(self) -> Response {
        StatusCode::CONFLICT.into_response()
    }
}

#[tokio::test]
async fn panic_in_exception_type_leaves_the_name_of_the_type() {
    #[instrument_endpoint]
    async fn handler() -> Result<(), Nameless> {
        track_named_exception(&Nameless, StatusCode::CONFLICT);
        Err(Nameless)
    }
    let (status, _, scrape) = serve(handler).await;
    assert_eq!(status, StatusCode::CONFLICT);
    let labels = [("exception_type", "Nameless"), ("status", "409")];
    assert_eq!(scrape.sum("app_exceptions_total", &labels), 1);
}

/// Panics while it is dropped, and is the payload of a panic itself.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("the payload panics")
    }
}

impl ExceptionType for Bomb {
    fn exception_type(&self) -> &'static str {
        std::panic::panic_any(Bomb)
    }
}

#[tokio::test]
async fn panic_of_the_payload_of_a_panic_in_a_hook_is_caught() {
    #[instrument_endpoint]
    async fn handler() -> StatusCode {
        track_named_exception(&*std::mem::ManuallyDrop::new(Bomb), StatusCode::CONFLICT);
        StatusCode::CONFLICT
    }
    let (status, _, scrape) = serve(handler).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(scrape.sum("app_exceptions_total", &[("exception_type", "Bomb")]), 1);
}

#[tokio::test]
async fn panic_in_a_hook_while_the_handler_unwinds_does_not_abort() {
    struct ReportsOnDrop;

    impl Drop for ReportsOnDrop {
        fn drop(&mut self) {
            track_named_exception(&Nameless, StatusCode::CONFLICT);
        }
    }

    #[instrument_endpoint]
    async fn handler() -> StatusCode {
        let _guard = ReportsOnDrop;
        panic!("the handler panics");
    }
    let metrics = metrics();
    let app = Router::new().route("/", route_get(handler)).layer(metrics.layer());
    let task = tokio::spawn(async move { get(&app, "/").await });
    assert!(task.await.expect_err("the handler panics").is_panic());
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_exceptions_total", &[("exception_type", "Nameless")]), 1);
    assert_eq!(scrape.sum("app_http_requests_total", &[("outcome", "panic")]), 1);
}

#[tokio::test]
async fn panic_in_call_error_leaves_the_error_type_other() {
    #[track_tokens]
    async fn handler() -> Result<Json<Silent>, Nameless> {
        Err(Nameless)
    }
    let (status, _, scrape) = serve(handler).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(scrape.sum("app_llm_calls_total", &[("error_type", "other")]), 1);
}

/// A reply whose code panics.
#[derive(serde::Serialize)]
struct Silent;

impl TokenUsage for Silent {
    fn token_usage(&self) -> Option<Usage> {
        panic!("token_usage panics")
    }

    fn model(&self) -> Option<&str> {
        panic!("model panics")
    }
}

#[tokio::test]
async fn panic_in_token_usage_leaves_a_call_without_usage() {
    #[track_tokens(provider = "house")]
    async fn handler() -> Json<Silent> {
        Json(Silent)
    }
    let (status, body, scrape) = serve(handler).await;
    assert_eq!((status, &*body), (StatusCode::OK, &b"null"[..]));
    let labels = [("provider", "house"), ("model", ""), ("error_type", "")];
    assert_eq!(scrape.sum("app_llm_calls_total", &labels), 1);
    assert_eq!(scrape.sum("app_usage_missing_total", &[("reason", "unparsed")]), 1);
}

#[tokio::test]
async fn panic_in_a_label_expression_leaves_the_label_empty() {
    fn fail(text: &str) -> String {
        assert!(text.is_empty(), "the label expression panics");
        String::new()
    }
    #[track_tokens(provider = "house", model = fail(&model))]
    async fn ask(model: String) -> Usage {
        drop(model);
        Usage::new(3, 4)
    }
    let handler = || async {
        _ = ask("m-1".to_owned()).await;
    };
    let (status, _, scrape) = serve(handler).await;
    assert_eq!(status, StatusCode::OK);
    let labels = [("provider", "house"), ("model", "")];
    assert_eq!(scrape.sum("app_token_usage_total", &labels), 7);
}

/// An item whose size panics for a text.
struct Item(&'static str);

impl StreamChunk for Item {
    fn payload_bytes(&self) -> usize {
        assert!(self.0.is_empty(), "payload_bytes panics");
        0
    }
}

impl streamgauge::ResponseChunk for Item {
    fn into_bytes(self) -> Result<Bytes, axum::BoxError> {
        Ok(self.0.into())
    }
}

#[tokio::test]
async fn panic_in_stream_chunk_leaves_a_chunk_without_bytes() {
    #[streaming_metrics(media_type = "text/plain")]
    async fn handler() -> impl futures_util::Stream<Item = Item> {
        stream::iter([Item("a"), Item(""), Item("b")])
    }
    let (status, body, scrape) = serve(handler).await;
    assert_eq!((status, &*body), (StatusCode::OK, &b"ab"[..]));
    assert_eq!(scrape.sum("app_stream_chunks_total", &[]), 3);
    assert_eq!(scrape.sum("app_stream_bytes_total", &[]), 0);
    let labels = [("outcome", "complete")];
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &labels), 1);
}

#[tokio::test]
async fn panic_in_a_request_label_leaves_the_label_empty() {
    #[derive(Clone)]
    struct Claims;

    let tenant = RequestLabel::new("tenant")
        .from_extension(|_: &Claims| panic!("the label function panics"))
        .at_most(5);
    let metrics = Metrics::builder().request_label(tenant).build().expect("valid");
    let authenticate = from_fn(|mut request: Request, next: Next| async {
        request.extensions_mut().insert(Claims);
        next.run(request).await
    });
    let app = Router::new()
        .route("/", route_get(async || "served"))
        .layer(metrics.layer())
        .layer(authenticate);
    assert_eq!(get(&app, "/").await, (StatusCode::OK, "served".into()));
    let labels = [("tenant", ""), ("outcome", "success")];
    assert_eq!(settled(&metrics).sum("app_http_requests_total", &labels), 1);
}

#[tokio::test]
async fn panic_of_the_function_itself_still_unwinds() {
    #[instrument_endpoint]
    async fn handler() -> Result<Response, Nameless> {
        Ok(Response::new(Body::from_stream(stream::poll_fn(
            |_| -> std::task::Poll<Option<Result<Bytes, std::io::Error>>> {
                panic!("the stream panics")
            },
        ))))
    }
    let metrics = metrics();
    let app = Router::new().route("/", route_get(handler)).layer(metrics.layer());
    let served = tokio::spawn(async move { get(&app, "/").await }).await;
    assert!(served.expect_err("the panic unwinds").is_panic());
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_http_requests_total", &[("outcome", "panic")]), 1);
}

mod warning {
    use super::{ExceptionType, StatusCode, track_named_exception};
    use crate::log::Log;

    #[test]
    fn panic_in_a_hook_is_logged_once() {
        struct LoggedOnce;

        impl ExceptionType for LoggedOnce {
            fn exception_type(&self) -> &'static str {
                panic!("exception_type panics")
            }
        }

        let log = Log::default();
        let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).finish();
        tracing::subscriber::with_default(subscriber, || {
            track_named_exception(&LoggedOnce, StatusCode::CONFLICT);
            track_named_exception(&LoggedOnce, StatusCode::CONFLICT);
        });
        let text = log.text();
        let lines: Vec<_> = text.lines().filter(|line| line.contains("has panicked")).collect();
        assert_eq!(lines.len(), 1, "{text}");
        assert!(lines[0].contains("ExceptionType::exception_type"), "{text}");
        assert!(lines[0].contains("LoggedOnce"), "{text}");
    }
}
