//! What the calls of a request mean for it: their number, the time in which none was open, the
//! first token, and the rate limits that the replies name.

use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any};
use futures_util::{Stream, StreamExt, stream};
use streamgauge::{Metrics, Usage, streaming_metrics, token_usage_context, track_tokens};
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::{get, metrics, send, settled};

use crate::sample_replies::{Io, OPENAI};

const CALLS: &str = "app_llm_calls_total";
const PER_REQUEST: &str = "app_llm_calls_per_request_sum";
const OVERHEAD: &str = "app_llm_overhead_seconds_sum";
const WAIT: Duration = Duration::from_millis(10);

fn app(metrics: &Metrics, handler: MethodRouter) -> Router {
    Router::new().route("/chat", handler).layer(metrics.layer())
}

async fn scrape_of(handler: MethodRouter) -> Scrape {
    let metrics = metrics();
    get(&app(&metrics, handler), "/chat").await;
    settled(&metrics)
}

#[track_tokens(provider = "house")]
async fn ask() -> Usage {
    tokio::time::sleep(WAIT).await;
    Usage::new(30, 12)
}

fn events(chunks: impl Stream<Item = Io<Bytes>> + Send + 'static) -> Response {
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(chunks)).into_response()
}

/// Time that has been measured within a handler.
#[derive(Clone, Default)]
struct Measured(Arc<Mutex<Duration>>);

impl Measured {
    async fn measure<F: Future>(&self, future: F) -> F::Output {
        let started = Instant::now();
        let output = future.await;
        *self.0.lock().expect("not poisoned") += started.elapsed();
        output
    }

    fn seconds(&self) -> f64 {
        self.0.lock().expect("not poisoned").as_secs_f64()
    }
}

fn duration(scrape: &Scrape) -> f64 {
    scrape.amount("app_http_request_duration_seconds_sum", &[])
}

// ---- overhead and calls per request ----

#[tokio::test]
async fn overhead_is_the_time_without_an_open_call() {
    let (calls, others) = (Measured::default(), Measured::default());
    let handler = {
        let (calls, others) = (calls.clone(), others.clone());
        move || async move {
            others.measure(tokio::time::sleep(WAIT)).await;
            calls.measure(async { tokio::join!(ask(), ask(), ask()) }).await;
            others.measure(tokio::time::sleep(WAIT)).await;
            calls.measure(ask()).await;
        }
    };
    let scrape = scrape_of(any(handler)).await;
    let overhead = scrape.amount(OVERHEAD, &[]);
    // The calls were open for a little less than was measured around them.
    assert!(overhead >= duration(&scrape) - calls.seconds() - 1e-6, "{overhead}");
    assert!(overhead >= others.seconds() - 1e-6, "{overhead}");
    assert!(overhead <= duration(&scrape) - 2.0 * WAIT.as_secs_f64(), "{overhead}");
    assert_eq!(scrape.sum(PER_REQUEST, &[]), 4);
}

#[tokio::test]
async fn call_whose_reply_belongs_to_others_is_not_open_time() {
    #[track_tokens(provider = "outer")]
    async fn outer(others: Measured) -> Usage {
        others.measure(tokio::time::sleep(WAIT)).await;
        let usage = ask().await;
        others.measure(tokio::time::sleep(WAIT)).await;
        usage
    }
    let others = Measured::default();
    let handler = {
        let others = others.clone();
        move || async move {
            let _ = outer(others).await;
        }
    };
    let scrape = scrape_of(any(handler)).await;
    let overhead = scrape.amount(OVERHEAD, &[]);
    assert!(overhead >= others.seconds() - 1e-6, "{overhead}");
    assert_eq!(scrape.sum(PER_REQUEST, &[]), 1);
}

#[tokio::test]
async fn calls_after_the_head_of_a_stream_count_but_are_not_open_time() {
    let before = Measured::default();
    let handler = {
        let before = before.clone();
        move || async move {
            before.measure(tokio::time::sleep(WAIT)).await;
            events(stream::iter(0..3).then(|_| async {
                ask().await;
                Ok(Bytes::from_static(b"data: {}\n\n"))
            }))
        }
    };
    let scrape = scrape_of(any(handler)).await;
    let (overhead, duration) = (scrape.amount(OVERHEAD, &[]), duration(&scrape));
    assert!((overhead - duration).abs() < 1e-6, "{overhead} {duration}");
    assert!(overhead >= before.seconds() - 1e-6);
    assert_eq!(scrape.sum(PER_REQUEST, &[]), 3);
}

#[tokio::test]
async fn request_without_calls_has_no_overhead_and_no_count() {
    let scrape = scrape_of(any(|| async { "plain" })).await;
    for name in ["app_llm_overhead_seconds_count", "app_llm_calls_per_request_count"] {
        assert_eq!(scrape.sum(name, &[]), 0, "{name}");
    }
}

#[tokio::test]
async fn skipped_request_records_its_calls_and_nothing_of_the_request() {
    let metrics = Metrics::builder().skip_paths(["/chat"]).build().expect("valid");
    let handler = any(|| async {
        let _ = ask().await;
    });
    get(&app(&metrics, handler), "/chat").await;
    let scrape = settled(&metrics);
    assert_eq!((scrape.sum(CALLS, &[]), scrape.sum(PER_REQUEST, &[])), (1, 0));
}

#[tokio::test]
async fn head_request_counts_its_calls() {
    #[streaming_metrics(protocol = "openai", provider = "outer")]
    async fn parsed() -> Response {
        ask().await;
        events(stream::iter(OPENAI.frames()).map(|frame| Ok(Bytes::from_static(frame.as_bytes()))))
    }
    let metrics = metrics();
    let response = send(&app(&metrics, any(parsed)), Method::HEAD, "/chat").await;
    drop(response);
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum(CALLS, &[]), scrape.sum(PER_REQUEST, &[]), "{scrape:#?}");
    assert_eq!(scrape.sum("app_token_usage_total", &[]), 42);
}

#[tokio::test]
async fn upgraded_connection_counts_the_calls_before_its_head() {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let sender = Arc::new(Mutex::new(Some(sender)));
    let handler = move || {
        let sender = Arc::clone(&sender);
        async move {
            ask().await;
            let handle = token_usage_context::handle();
            if let Some(sender) = sender.lock().expect("not poisoned").take() {
                let _ = sender.send(handle);
            }
            StatusCode::SWITCHING_PROTOCOLS
        }
    };
    let metrics = metrics();
    drop(send(&app(&metrics, any(handler)), Method::GET, "/chat").await);
    let handle = receiver.await.expect("the handler ran");
    for _ in 0..3 {
        tokio::spawn(handle.scope(ask())).await.expect("no panic");
        handle.record(Usage::new(1, 1));
    }
    let scrape = settled(&metrics);
    assert_eq!((scrape.sum(CALLS, &[]), scrape.sum(PER_REQUEST, &[])), (7, 1), "{scrape:#?}");
    assert_eq!(scrape.sum("app_token_usage_total", &[("endpoint", "/chat")]), 4 * 42 + 6);
}

// ---- first token and first answer ----

const REASONING: &str = "data: {\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\
                         \"delta\":{\"reasoning_content\":\"Hm\"}}]}\n\n";
const ANSWER: &str = "data: {\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\
                      \"delta\":{\"content\":\"Hi\"}}]}\n\n";

type Chunks = Pin<Box<dyn Stream<Item = Io<Bytes>> + Send>>;

/// Frames, each after a wait.
#[track_tokens(protocol = "openai", provider = "house")]
fn reply(frames: Vec<&'static str>) -> Chunks {
    Box::pin(stream::iter(frames).then(|frame| async move {
        tokio::time::sleep(WAIT).await;
        Ok(Bytes::from_static(frame.as_bytes()))
    }))
}

const FIRST_TOKEN: &str = "app_time_to_first_token_seconds";
const FIRST_ANSWER: &str = "app_time_to_first_answer_seconds";

fn times(scrape: &Scrape, name: &str) -> (i64, f64) {
    (
        scrape.sum(&format!("{name}_count"), &[]),
        scrape.amount(&format!("{name}_sum"), &[]) / WAIT.as_secs_f64(),
    )
}

#[tokio::test]
async fn first_answer_comes_after_the_reasoning() {
    let handler =
        || async { events(reply(vec![REASONING, REASONING, ANSWER, "data: [DONE]\n\n"])) };
    let scrape = scrape_of(any(handler)).await;
    let (tokens, token_waits) = times(&scrape, FIRST_TOKEN);
    let (answers, answer_waits) = times(&scrape, FIRST_ANSWER);
    assert_eq!((tokens, answers), (1, 1), "{scrape:#?}");
    assert!(token_waits >= 1.0 && answer_waits >= token_waits + 2.0, "{scrape:#?}");
}

#[tokio::test]
async fn reasoning_alone_is_no_answer() {
    let scrape = scrape_of(any(|| async { events(reply(vec![REASONING])) })).await;
    assert_eq!((times(&scrape, FIRST_TOKEN).0, times(&scrape, FIRST_ANSWER).0), (1, 0));
}

#[tokio::test]
async fn request_has_one_first_token_however_many_replies_it_has() {
    let started = Instant::now();
    // The time until the first token had certainly arrived.
    let bound = Arc::new(OnceLock::new());
    async fn handler(started: Instant, bound: Arc<OnceLock<Duration>>) -> Response {
        let mut abandoned = reply(vec![ANSWER, ANSWER]);
        abandoned.next().await;
        bound.get_or_init(|| started.elapsed());
        drop(abandoned);
        events(stream::select(
            reply(vec![REASONING, ANSWER]),
            stream::select(reply(vec![ANSWER]), reply(vec![ANSWER])),
        ))
    }
    let scrape = scrape_of(any({
        let bound = Arc::clone(&bound);
        move || handler(started, Arc::clone(&bound))
    }))
    .await;
    let (tokens, waits) = times(&scrape, FIRST_TOKEN);
    assert_eq!((tokens, times(&scrape, FIRST_ANSWER).0), (1, 1), "{scrape:#?}");
    let bound = bound.get().expect("the handler ran").as_secs_f64() / WAIT.as_secs_f64();
    assert!(1.0 <= waits && waits <= bound, "{waits} and {bound}: {scrape:#?}");
    assert_eq!(times(&scrape, "app_llm_call_time_to_first_token_seconds").0, 4);
}

#[tokio::test]
async fn whole_reply_has_no_first_token() {
    #[streaming_metrics(protocol = "openai")]
    async fn whole() -> Response {
        ask().await;
        let json = "{\"choices\":[{\"message\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}],\
                    \"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}";
        ([(header::CONTENT_TYPE, "application/json")], json).into_response()
    }
    let scrape = scrape_of(any(whole)).await;
    assert_eq!(scrape.sum(CALLS, &[]), 2);
    for name in [
        FIRST_TOKEN,
        FIRST_ANSWER,
        "app_llm_call_time_to_first_token_seconds",
        "app_time_per_output_token_seconds",
        "app_time_to_first_chunk_seconds",
    ] {
        assert_eq!(times(&scrape, name).0, 0, "{name}");
    }
}

// ---- rate limits ----

const LEFT: &str = "app_llm_rate_limit_remaining";

#[tokio::test]
async fn rate_limits_are_read_wherever_the_head_is_known() {
    #[track_tokens(protocol = "openai", provider = "response")]
    async fn response() -> Response {
        let mut response = "{}".into_response();
        response.headers_mut().insert("x-ratelimit-remaining-requests", 7.into());
        response
    }
    #[track_tokens(protocol = "openai", provider = "failed")]
    async fn failed() -> Response {
        let limit = [("x-ratelimit-remaining-requests", "0")];
        (StatusCode::TOO_MANY_REQUESTS, limit, "slow down").into_response()
    }
    #[track_tokens(protocol = "openai", provider = "tuple")]
    async fn tuple() -> ([(&'static str, &'static str); 2], Sse<impl Stream<Item = Io<Event>>>) {
        let limits = [
            ("anthropic-ratelimit-input-tokens-remaining", "80000"),
            ("anthropic-ratelimit-tokens-remaining", "18446744073709551615"),
        ];
        (limits, Sse::new(stream::iter([Ok(Event::default().data("[DONE]"))])))
    }
    #[streaming_metrics(protocol = "openai", provider = "streamed")]
    async fn streamed() -> Response {
        let mut response = events(stream::iter([Ok(Bytes::from_static(b"data: [DONE]\n\n"))]));
        let headers = response.headers_mut();
        headers.insert("x-ratelimit-remaining-tokens", "-5".parse().expect("valid"));
        headers.insert("x-ratelimit-remaining-requests", "many".parse().expect("valid"));
        headers.insert("x-ratelimit-remaining", "+5".parse().expect("valid"));
        response
    }
    #[streaming_metrics(protocol = "openai", provider = "head", media_type = "text/event-stream")]
    async fn head() -> (HeaderMap, impl Stream<Item = &'static str>) {
        let name = HeaderName::from_static("x-ratelimit-remaining-tokens");
        (HeaderMap::from_iter([(name, 12.into())]), stream::iter(["data: [DONE]\n\n"]))
    }
    let left = |scrape: &Scrape, provider, resource| {
        let labels = [("provider", provider), ("resource", resource)];
        (scrape.count(LEFT, &labels), scrape.amount(LEFT, &labels))
    };
    let scrape = scrape_of(any(response)).await;
    assert_eq!(left(&scrape, "response", "requests"), (1, 7.0));
    let scrape = scrape_of(any(failed)).await;
    assert_eq!(left(&scrape, "failed", "requests"), (1, 0.0));
    let scrape = scrape_of(any(tuple)).await;
    assert_eq!(left(&scrape, "tuple", "input_tokens"), (1, 80_000.0), "{scrape:#?}");
    assert!(left(&scrape, "tuple", "tokens").1 > 1.8e19, "{scrape:#?}");
    let scrape = scrape_of(any(head)).await;
    assert_eq!(left(&scrape, "head", "tokens"), (1, 12.0), "{scrape:#?}");
    let scrape = scrape_of(any(streamed)).await;
    assert_eq!(scrape.count(LEFT, &[]), 0, "text and signs are no numbers: {scrape:#?}");
}
