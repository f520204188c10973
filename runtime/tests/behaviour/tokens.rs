//! Tokens: from replies, from hand, and what is missing.

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
async fn replied() -> Result<Json<Answer>, StatusCode> {
    Ok(Json(answer(true)))
}

#[track_tokens(provider = "house", model = "large-1")]
async fn named() -> (StatusCode, Json<Answer>) {
    (StatusCode::CREATED, Json(answer(true)))
}

#[track_tokens(model = "small-1")]
async fn without() -> Json<Answer> {
    Json(answer(false))
}

#[track_tokens(model = "small-1")]
async fn failed() -> Result<Json<Answer>, StatusCode> {
    Err(StatusCode::BAD_GATEWAY)
}

#[track_tokens(model = "small-1")]
async fn left() -> Json<Answer> {
    std::future::pending().await
}

#[track_tokens(provider = "house", model = "small-1")]
async fn by_hand() -> Option<Json<Answer>> {
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
async fn streamed_without() -> Body {
    Body::from_stream(futures_util::stream::iter([Ok::<_, std::io::Error>("one")]))
}

async fn unannotated() {
    token_usage_context::record(Usage::new(1, 1));
}

fn app(metrics: &Metrics) -> Router {
    Router::new()
        .route("/replied", route_get(replied))
        .route("/named", route_get(named))
        .route("/without", route_get(without))
        .route("/failed", route_get(failed))
        .route("/left", route_get(left))
        .route("/by-hand", route_get(|| async { by_hand().await.ok_or(StatusCode::NO_CONTENT) }))
        .route("/spawned", route_get(|| async { spawned().await.ok_or(StatusCode::NO_CONTENT) }))
        .route("/streamed", route_get(|| async { Body::from_stream(streamed()) }))
        .route("/streamed-without", route_get(streamed_without))
        .route("/unannotated", route_get(unannotated))
        .layer(metrics.layer())
}

async fn after(path: &str) -> Scrape {
    let metrics = metrics();
    get(&app(&metrics), path).await;
    settled(&metrics)
}

fn tokens(scrape: &Scrape, class: [(&str, &str); 2]) -> i64 {
    scrape.sum("app_token_usage_total", &class)
}

const SMALL: [(&str, &str); 2] = [("provider", "house"), ("model", "small-1")];

#[tokio::test]
async fn usage_is_read_from_the_reply_with_the_model_it_names() {
    let scrape = after("/replied").await;
    assert_eq!(tokens(&scrape, [("token_type", "input"), ("detail", "uncached")]), 4);
    assert_eq!(tokens(&scrape, [("token_type", "input"), ("detail", "cache_read")]), 6);
    assert_eq!(tokens(&scrape, [("token_type", "output"), ("detail", "unspecified")]), 4);
    assert_eq!(tokens(&scrape, SMALL), 14, "the plain sum is the total");
    assert_eq!(scrape.sum("app_llm_calls_total", &SMALL), 1);
    assert_eq!(scrape.sum("app_request_tokens_sum", &[("token_type", "input")]), 10);
    assert_eq!(scrape.sum("app_request_tokens_sum", &[("token_type", "output")]), 4);
    assert_eq!(scrape.values("app_token_usage_total", "endpoint"), ["/replied"]);
    assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0);
}

#[tokio::test]
async fn the_attributes_model_beats_the_replys() {
    let scrape = after("/named").await;
    assert_eq!(scrape.values("app_token_usage_total", "model"), ["large-1"]);
    assert_eq!(scrape.sum("app_token_usage_total", &[]), 14);
}

#[tokio::test]
async fn a_call_without_usage_is_missing_it() {
    for (path, finish) in [("/without", ""), ("/failed", "error")] {
        let scrape = after(path).await;
        assert_eq!(scrape.sum("app_llm_calls_total", &[("finish_reason", finish)]), 1, "{path}");
        assert_eq!(scrape.sum("app_usage_missing_total", &[("reason", "not_sent")]), 1, "{path}");
        assert_eq!(scrape.count("app_token_usage_total", &[]), 0, "{path}");
    }
}

#[tokio::test]
async fn a_call_that_the_client_left_is_cancelled() {
    let metrics = metrics();
    assert!(send(&app(&metrics), Method::GET, "/left").now_or_never().is_none());
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_llm_calls_total", &[("finish_reason", "cancelled")]), 1);
    assert_eq!(scrape.sum("app_usage_missing_total", &[("reason", "disconnected")]), 1);
}

#[tokio::test]
async fn calls_recorded_by_hand_are_added_up() {
    let scrape = after("/by-hand").await;
    assert_eq!(tokens(&scrape, SMALL), 55);
    assert_eq!(tokens(&scrape, [("token_type", "output"), ("detail", "reasoning")]), 5);
    assert_eq!(scrape.sum("app_llm_calls_total", &SMALL), 2);
    assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0);
}

#[tokio::test]
async fn what_was_recorded_is_kept_when_the_handler_fails() {
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
async fn a_spawned_task_records_through_a_handle() {
    let scrape = after("/spawned").await;
    assert_eq!(tokens(&scrape, SMALL), 5);
    assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0);
}

#[tokio::test]
async fn a_generator_records_while_it_flows() {
    let scrape = after("/streamed").await;
    assert_eq!(tokens(&scrape, SMALL), 8);
    assert_eq!(scrape.values("app_token_usage_total", "endpoint"), ["/streamed"]);
    assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0);
}

#[tokio::test]
async fn a_stream_without_usage_is_missing_it() {
    let scrape = after("/streamed-without").await;
    assert_eq!(scrape.sum("app_usage_missing_total", &[("reason", "not_sent")]), 1);
    assert_eq!(scrape.sum("app_llm_calls_total", &SMALL), 1);
}

#[tokio::test]
async fn what_was_recorded_is_kept_when_the_client_leaves() {
    for (frames, recorded, missing) in [(1, 0, 1), (2, 8, 0)] {
        let metrics = metrics();
        let mut body = send(&app(&metrics), Method::GET, "/streamed").await.into_body();
        for _ in 0..frames {
            body.frame().await.expect("there is a frame").expect("it is no error");
        }
        drop(body);
        let scrape = settled(&metrics);
        assert_eq!(tokens(&scrape, SMALL), recorded);
        assert_eq!(scrape.sum("app_usage_missing_total", &[("reason", "disconnected")]), missing);
    }
}

#[tokio::test]
async fn usage_recorded_outside_a_tracked_call_has_the_requests_endpoint() {
    let scrape = after("/unannotated").await;
    let labels = [("endpoint", "/unannotated"), ("model", "")];
    assert_eq!(scrape.sum("app_token_usage_total", &labels), 2);
    assert_eq!(scrape.sum("app_llm_calls_total", &labels), 1);
}

#[tokio::test]
async fn concurrent_requests_keep_their_tokens_apart() {
    let metrics = metrics();
    let app = app(&metrics);
    let requests = (0..50).map(|_| {
        let app = app.clone();
        tokio::spawn(async move {
            get(&app, "/streamed").await;
            get(&app, "/by-hand").await;
        })
    });
    for request in requests.collect::<Vec<_>>() {
        request.await.expect("the requests do not panic");
    }
    let scrape = settled(&metrics);
    assert_eq!(tokens(&scrape, [("endpoint", "/streamed"), SMALL[1]]), 50 * 8);
    assert_eq!(tokens(&scrape, [("endpoint", "/by-hand"), SMALL[1]]), 50 * 55);
}

#[track_tokens(provider = "house", model = model)]
async fn called(model: &'static str, turns: usize) -> Usage {
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
    Usage::new(if model == "quick" { 10 } else { 100 }, 0)
}

#[track_tokens(provider = "house", model = "small-1")]
async fn outer() -> Usage {
    let inner = streamed_without().await;
    assert!(inner.collect().await.is_ok());
    Usage::new(1_000, 0)
}

#[tokio::test]
async fn calls_that_run_at_once_keep_their_own_labels() {
    let metrics = metrics();
    let handler = || async {
        tokio::join!(called("quick", 1), called("slow", 5), called("slow", 3));
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
async fn a_call_survives_a_streamed_call_within_it() {
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
async fn a_handle_may_record_after_its_request_has_ended() {
    for records in [true, false] {
        let metrics = metrics();
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let sender = std::sync::Arc::new(std::sync::Mutex::new(Some(sender)));
        #[track_tokens(model = "small-1")]
        async fn begins(out: tokio::sync::oneshot::Sender<token_usage_context::Handle>) -> Body {
            out.send(token_usage_context::handle()).ok();
            Body::empty()
        }
        let handler = move || {
            let sender = sender.lock().expect("no panic").take().expect("one request");
            begins(sender)
        };
        let app = Router::new().route("/", route_get(handler)).layer(metrics.layer());
        get(&app, "/").await;
        let handle = receiver.await.expect("the handler has sent it");
        assert_eq!(settled(&metrics).sum("app_llm_calls_total", &[]), 0, "it may still come");
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
async fn what_a_stream_records_when_it_is_dropped_belongs_to_its_request() {
    struct Late;
    impl Drop for Late {
        fn drop(&mut self) {
            token_usage_context::record(Usage::new(4, 0));
        }
    }
    #[track_tokens(model = "small-1")]
    fn late() -> impl Stream<Item = Result<&'static str, std::io::Error>> {
        let late = Late;
        futures_util::StreamExt::map(futures_util::stream::iter(["one"]), move |item| {
            let _ = &late;
            Ok(item)
        })
    }
    let metrics = metrics();
    let app = Router::new()
        .route("/", route_get(|| async { Body::from_stream(late()) }))
        .layer(metrics.layer());
    get(&app, "/").await;
    let scrape = settled(&metrics);
    let labels = [("endpoint", "/"), ("model", "small-1")];
    assert_eq!(scrape.sum("app_token_usage_total", &labels), 4);
    assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0);
}
