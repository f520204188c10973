//! Token usage: from replies, recorded by code, and missing.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use axum::routing::get as route_get;
use axum::{Json, Router};
use futures_core::Stream;
use futures_util::FutureExt;
use http_body_util::BodyExt;
use serde::Serialize;
use streamgauge::{Metrics, TokenUsage, Usage, token_usage_context, track_tokens};
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::{get, metrics, send, settled};

#[derive(Serialize, TokenUsage)]
struct Counts {
    #[token_usage(input)]
    prompt_tokens: u32,
    #[token_usage(output)]
    completion_tokens: i64,
    #[token_usage(cache_read)]
    cached: Option<u16>,
}

#[derive(Serialize, TokenUsage)]
struct Answer {
    #[token_usage(model)]
    model: &'static str,
    #[token_usage(nested)]
    usage: Option<Counts>,
}

fn answer(usage: bool) -> Answer {
    let usage =
        usage.then_some(Counts { prompt_tokens: 10, completion_tokens: 4, cached: Some(6) });
    Answer { model: "small-1", usage }
}

#[track_tokens(provider = "house")]
async fn with_usage() -> Result<Json<Answer>, StatusCode> {
    Ok(Json(answer(true)))
}

#[track_tokens(provider = "house", model = "large-1")]
async fn with_model_argument() -> (StatusCode, Json<Answer>) {
    (StatusCode::CREATED, Json(answer(true)))
}

#[track_tokens(model = "small-1")]
async fn without_usage() -> Json<Answer> {
    Json(answer(false))
}

#[track_tokens(model = "small-1")]
async fn failed() -> Result<Json<Answer>, StatusCode> {
    Err(StatusCode::BAD_GATEWAY)
}

#[track_tokens(model = "small-1")]
async fn pending() -> Json<Answer> {
    std::future::pending().await
}

#[track_tokens(provider = "house", model = "small-1")]
async fn manual() -> Option<Json<Answer>> {
    token_usage_context::record(Usage::new(3, 2));
    token_usage_context::record(Usage::new(30, 20).reasoning(5));
    None
}

#[track_tokens(provider = "house", model = "small-1")]
async fn spawned() -> Option<Json<Answer>> {
    let tokens = token_usage_context::handle();
    let task = tokio::spawn(async move { tokens.record(Usage::new(3, 2)) });
    task.await.expect("the task does not panic");
    None
}

#[track_tokens(provider = "house", model = "small-1")]
fn streamed() -> impl Stream<Item = Result<&'static str, std::io::Error>> {
    async_stream::stream! {
        yield Ok("one");
        token_usage_context::record(Usage::new(7, 1));
        yield Ok("two");
    }
}

#[track_tokens(provider = "house", model = "small-1")]
async fn streamed_without_usage() -> Body {
    Body::from_stream(futures_util::stream::iter([Ok::<_, std::io::Error>("one")]))
}

async fn unannotated() {
    token_usage_context::record(Usage::new(1, 1));
}

fn app(metrics: &Metrics) -> Router {
    Router::new()
        .route("/with-usage", route_get(with_usage))
        .route("/with-model-argument", route_get(with_model_argument))
        .route("/without-usage", route_get(without_usage))
        .route("/failed", route_get(failed))
        .route("/pending", route_get(pending))
        .route("/manual", route_get(|| async { manual().await.ok_or(StatusCode::NO_CONTENT) }))
        .route("/spawned", route_get(|| async { spawned().await.ok_or(StatusCode::NO_CONTENT) }))
        .route("/streamed", route_get(|| async { Body::from_stream(streamed()) }))
        .route("/streamed-without-usage", route_get(streamed_without_usage))
        .route("/unannotated", route_get(unannotated))
        .layer(metrics.layer())
}

async fn scrape_after(path: &str) -> Scrape {
    let metrics = metrics();
    get(&app(&metrics), path).await;
    settled(&metrics)
}

fn tokens(scrape: &Scrape, class: [(&str, &str); 2]) -> i64 {
    scrape.sum("app_token_usage_total", &class)
}

const SMALL: [(&str, &str); 2] = [("provider", "house"), ("model", "small-1")];

#[tokio::test]
async fn usage_and_model_are_taken_from_the_reply() {
    let scrape = scrape_after("/with-usage").await;
    assert_eq!(tokens(&scrape, [("token_type", "input"), ("detail", "uncached")]), 4);
    assert_eq!(tokens(&scrape, [("token_type", "input"), ("detail", "cache_read")]), 6);
    assert_eq!(tokens(&scrape, [("token_type", "output"), ("detail", "unspecified")]), 4);
    assert_eq!(tokens(&scrape, SMALL), 14, "the sum over all details is the total");
    assert_eq!(scrape.sum("app_llm_calls_total", &SMALL), 1);
    assert_eq!(scrape.sum("app_request_tokens_sum", &[("token_type", "input")]), 10);
    assert_eq!(scrape.sum("app_request_tokens_sum", &[("token_type", "output")]), 4);
    assert_eq!(scrape.values("app_token_usage_total", "endpoint"), ["/with-usage"]);
    assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0);
}

#[tokio::test]
async fn model_argument_overrides_the_model_of_the_reply() {
    let scrape = scrape_after("/with-model-argument").await;
    assert_eq!(scrape.values("app_token_usage_total", "model"), ["large-1"]);
    assert_eq!(scrape.sum("app_token_usage_total", &[]), 14);
}

#[tokio::test]
async fn usage_missing_is_counted_for_a_call_without_usage() {
    let scrape = scrape_after("/without-usage").await;
    assert_eq!(scrape.sum("app_llm_calls_total", &[("finish_reason", "")]), 1);
    assert_eq!(scrape.sum("app_usage_missing_total", &[("reason", "not_sent")]), 1);
    assert_eq!(scrape.count("app_token_usage_total", &[]), 0);
}

#[tokio::test]
async fn usage_missing_is_not_counted_for_a_failed_call() {
    let scrape = scrape_after("/failed").await;
    assert_eq!(scrape.sum("app_llm_calls_total", &[("finish_reason", "error")]), 1);
    assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0);
    assert_eq!(scrape.count("app_token_usage_total", &[]), 0);
}

#[tokio::test]
async fn client_disconnect_cancels_the_call() {
    let metrics = metrics();
    assert!(send(&app(&metrics), Method::GET, "/pending").now_or_never().is_none());
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_llm_calls_total", &[("finish_reason", "cancelled")]), 1);
    assert_eq!(scrape.sum("app_usage_missing_total", &[("reason", "disconnected")]), 1);
}

#[tokio::test]
async fn manual_usage_of_a_call_is_summed() {
    let scrape = scrape_after("/manual").await;
    assert_eq!(tokens(&scrape, SMALL), 55);
    assert_eq!(tokens(&scrape, [("token_type", "output"), ("detail", "reasoning")]), 5);
    assert_eq!(scrape.sum("app_llm_calls_total", &SMALL), 1);
    assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0);
}

#[tokio::test]
async fn manual_usage_is_kept_when_the_handler_fails() {
    #[track_tokens(provider = "house", model = "small-1")]
    async fn fails() -> Result<Json<Answer>, StatusCode> {
        token_usage_context::record(Usage::new(3, 2));
        Err(StatusCode::BAD_GATEWAY)
    }
    let metrics = metrics();
    let app = Router::new().route("/", route_get(fails)).layer(metrics.layer());
    get(&app, "/").await;
    let scrape = settled(&metrics);
    assert_eq!(tokens(&scrape, SMALL), 5);
    assert_eq!(scrape.sum("app_llm_calls_total", &SMALL), 1);
    assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0);
}

#[tokio::test]
async fn handle_records_from_a_spawned_task() {
    let scrape = scrape_after("/spawned").await;
    assert_eq!(tokens(&scrape, SMALL), 5);
    assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0);
}

#[tokio::test]
async fn manual_usage_is_recorded_within_a_generator() {
    let scrape = scrape_after("/streamed").await;
    assert_eq!(tokens(&scrape, SMALL), 8);
    assert_eq!(scrape.values("app_token_usage_total", "endpoint"), ["/streamed"]);
    assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0);
}

#[tokio::test]
async fn usage_missing_is_counted_for_a_stream_without_usage() {
    let scrape = scrape_after("/streamed-without-usage").await;
    assert_eq!(scrape.sum("app_usage_missing_total", &[("reason", "not_sent")]), 1);
    assert_eq!(scrape.sum("app_llm_calls_total", &SMALL), 1);
}

#[tokio::test]
async fn client_disconnect_keeps_recorded_usage() {
    for (frames, recorded, missing) in [(1, 0, 1), (2, 8, 0)] {
        let metrics = metrics();
        let mut body = send(&app(&metrics), Method::GET, "/streamed").await.into_body();
        for _ in 0..frames {
            body.frame().await.expect("the body has a frame").expect("the frame is not an error");
        }
        drop(body);
        let scrape = settled(&metrics);
        assert_eq!(tokens(&scrape, SMALL), recorded);
        assert_eq!(scrape.sum("app_usage_missing_total", &[("reason", "disconnected")]), missing);
    }
}

#[tokio::test]
async fn manual_usage_outside_a_tracked_call_has_the_endpoint_of_its_request() {
    let scrape = scrape_after("/unannotated").await;
    let labels = [("endpoint", "/unannotated"), ("model", "")];
    assert_eq!(scrape.sum("app_token_usage_total", &labels), 2);
    assert_eq!(scrape.sum("app_llm_calls_total", &labels), 1);
}

#[tokio::test]
async fn concurrent_requests_keep_their_own_tokens() {
    let metrics = metrics();
    let app = app(&metrics);
    let requests = (0..50).map(|_| {
        let app = app.clone();
        tokio::spawn(async move {
            get(&app, "/streamed").await;
            get(&app, "/manual").await;
        })
    });
    for request in requests.collect::<Vec<_>>() {
        request.await.expect("the requests do not panic");
    }
    let scrape = settled(&metrics);
    assert_eq!(tokens(&scrape, [("endpoint", "/streamed"), SMALL[1]]), 50 * 8);
    assert_eq!(tokens(&scrape, [("endpoint", "/manual"), SMALL[1]]), 50 * 55);
}

#[track_tokens(provider = "house", model = model)]
async fn call_model(model: &'static str, turns: usize) -> Usage {
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
    Usage::new(if model == "quick" { 10 } else { 100 }, 0)
}

#[track_tokens(provider = "house", model = "small-1")]
async fn outer() -> Usage {
    let inner = streamed_without_usage().await;
    assert!(inner.collect().await.is_ok());
    Usage::new(1_000, 0)
}

#[tokio::test]
async fn concurrent_calls_keep_their_own_labels() {
    let metrics = metrics();
    let handler = || async {
        tokio::join!(call_model("quick", 1), call_model("slow", 5), call_model("slow", 3));
    };
    let app = Router::new().route("/", route_get(handler)).layer(metrics.layer());
    get(&app, "/").await;
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_token_usage_total", &[("model", "quick")]), 10);
    assert_eq!(scrape.sum("app_token_usage_total", &[("model", "slow")]), 200);
    assert_eq!(scrape.sum("app_llm_calls_total", &[]), 3);
    assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0);
}

#[tokio::test]
async fn nested_streamed_call_is_counted_beside_the_outer_call() {
    let metrics = metrics();
    let handler = || async {
        outer().await;
    };
    let app = Router::new().route("/", route_get(handler)).layer(metrics.layer());
    get(&app, "/").await;
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_token_usage_total", &[]), 1_000);
    assert_eq!(scrape.sum("app_llm_calls_total", &[]), 2);
    assert_eq!(scrape.sum("app_usage_missing_total", &[]), 1);
}

#[tokio::test]
async fn handle_may_record_after_its_request_has_ended() {
    for records in [true, false] {
        let metrics = metrics();
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let sender = std::sync::Arc::new(std::sync::Mutex::new(Some(sender)));
        #[track_tokens(model = "small-1")]
        async fn returns_handle(
            out: tokio::sync::oneshot::Sender<token_usage_context::Handle>,
        ) -> Body {
            out.send(token_usage_context::handle()).ok();
            Body::empty()
        }
        let handler = move || {
            let sender = sender
                .lock()
                .expect("the lock is not poisoned")
                .take()
                .expect("there is only one request");
            returns_handle(sender)
        };
        let app = Router::new().route("/", route_get(handler)).layer(metrics.layer());
        get(&app, "/").await;
        let handle = receiver.await.expect("the handler has sent it");
        assert_eq!(
            settled(&metrics).sum("app_llm_calls_total", &[]),
            0,
            "the handle may still record usage"
        );
        if records {
            handle.record(Usage::new(5, 0));
        }
        drop(handle);
        let scrape = settled(&metrics);
        assert_eq!(scrape.sum("app_llm_calls_total", &[("model", "small-1")]), 1);
        assert_eq!(scrape.sum("app_token_usage_total", &[]), if records { 5 } else { 0 });
        assert_eq!(scrape.sum("app_usage_missing_total", &[]), i64::from(!records));
    }
}

#[tokio::test]
async fn manual_usage_on_drop_of_a_stream_belongs_to_its_request() {
    struct RecordsOnDrop;
    impl Drop for RecordsOnDrop {
        fn drop(&mut self) {
            token_usage_context::record(Usage::new(4, 0));
        }
    }
    #[track_tokens(model = "small-1")]
    fn records_on_drop() -> impl Stream<Item = Result<&'static str, std::io::Error>> {
        let records_on_drop = RecordsOnDrop;
        futures_util::StreamExt::map(futures_util::stream::iter(["one"]), move |item| {
            let _ = &records_on_drop;
            Ok(item)
        })
    }
    let metrics = metrics();
    let app = Router::new()
        .route("/", route_get(|| async { Body::from_stream(records_on_drop()) }))
        .layer(metrics.layer());
    get(&app, "/").await;
    let scrape = settled(&metrics);
    let labels = [("endpoint", "/"), ("model", "small-1")];
    assert_eq!(scrape.sum("app_token_usage_total", &labels), 4);
    assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0);
}

#[tokio::test]
async fn request_tokens_has_no_series_of_a_side_that_is_not_known() {
    #[derive(TokenUsage)]
    struct Embedding {
        #[token_usage(input)]
        tokens: u32,
    }
    #[track_tokens(provider = "house", model = "embed-1")]
    async fn embed() -> Embedding {
        Embedding { tokens: 7 }
    }
    async fn handler() {
        embed().await;
    }
    let metrics = metrics();
    get(&Router::new().route("/embed", route_get(handler)).layer(metrics.layer()), "/embed").await;
    let scrape = settled(&metrics);
    assert_eq!(scrape.values("app_request_tokens_count", "token_type"), ["input"]);
    assert_eq!(scrape.sum("app_request_tokens_sum", &[]), 7);
}
