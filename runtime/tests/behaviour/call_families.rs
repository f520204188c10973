//! What a call records besides its tokens: operation, error type, duration, first token, cost that
//! the provider states, and what is left of the provider's limits; and what a request records of
//! its calls.

use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get as route_get};
use axum::{Json, Router};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use streamgauge::call::{self, CallError, CallErrorType};
use streamgauge::{
    Metrics, Price, RequestLabel, Usage, request_label, streaming_metrics, track_tokens,
};
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::{get, metrics, settled};

async fn scrape_after(handler: MethodRouter) -> Scrape {
    scrape_of(&metrics(), handler).await
}

async fn scrape_of(metrics: &Metrics, handler: MethodRouter) -> Scrape {
    get(&Router::new().route("/chat", handler).layer(metrics.layer()), "/chat").await;
    settled(metrics)
}

#[track_caller]
fn assert_one_call(scrape: &Scrape, labels: &[(&str, &str)]) {
    assert_eq!(scrape.sum("app_llm_calls_total", labels), 1, "{labels:?}: {scrape:#?}");
    assert_eq!(scrape.sum("app_llm_calls_total", &[]), 1, "{scrape:#?}");
}

#[derive(Debug)]
struct CircuitOpen;

impl CallError for CircuitOpen {
    fn call_error_type(&self) -> CallErrorType {
        CallErrorType::Overloaded
    }
}

impl IntoResponse for CircuitOpen {
    fn into_response(self) -> Response {
        StatusCode::SERVICE_UNAVAILABLE.into_response()
    }
}

#[tokio::test]
async fn error_type_is_what_the_error_says() {
    #[track_tokens]
    async fn own_error() -> Result<Usage, CircuitOpen> {
        Err(CircuitOpen)
    }
    #[track_tokens(protocol = "openai")]
    async fn own_error_of_bytes() -> Result<Response, CircuitOpen> {
        Err(CircuitOpen)
    }
    #[streaming_metrics(protocol = "openai")]
    async fn own_error_of_a_stream() -> Result<Sse<stream::Empty<io::Result<Event>>>, CircuitOpen> {
        Err(CircuitOpen)
    }
    #[track_tokens]
    async fn nested() -> Result<Result<Usage, CircuitOpen>, StatusCode> {
        Ok(Err(CircuitOpen))
    }
    #[track_tokens]
    async fn timed_out() -> Result<Usage, io::Error> {
        Err(io::ErrorKind::TimedOut.into())
    }
    #[track_tokens]
    async fn refused() -> Result<Usage, Box<(StatusCode, &'static str)>> {
        Err(Box::new((StatusCode::UNAUTHORIZED, "no")))
    }
    #[track_tokens]
    async fn refused_with_headers() -> Result<Usage, (StatusCode, HeaderMap, [u8; 1], &'static str)>
    {
        Err((StatusCode::FORBIDDEN, HeaderMap::new(), [0], "no"))
    }
    #[track_tokens]
    async fn unknown() -> Result<Usage, String> {
        Err("no".to_owned())
    }
    #[track_tokens]
    async fn in_a_value() -> (StatusCode, Json<Value>) {
        (StatusCode::NOT_FOUND, Json(json!({ "error": "no such model" })))
    }
    for (handler, error_type) in [
        (route_get(async || drop(own_error().await)), "overloaded"),
        (route_get(own_error_of_bytes), "overloaded"),
        (route_get(own_error_of_a_stream), "overloaded"),
        (route_get(async || drop(nested().await)), "overloaded"),
        (route_get(async || drop(timed_out().await)), "timeout"),
        (route_get(async || drop(refused().await)), "auth"),
        (route_get(async || drop(refused_with_headers().await)), "auth"),
        (route_get(async || drop(unknown().await)), "other"),
        (route_get(in_a_value), "not_found"),
    ] {
        let scrape = scrape_after(handler).await;
        assert_one_call(&scrape, &[("error_type", error_type), ("finish_reason", "error")]);
        assert_eq!(scrape.sum("app_llm_call_duration_seconds_count", &[("outcome", "error")]), 1);
        assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0, "{error_type}");
    }
}

#[tokio::test]
async fn error_type_that_is_reported_counts_whatever_the_function_returns() {
    #[track_tokens]
    async fn fallback() -> Usage {
        call::report(CallErrorType::Connect);
        call::report(CallErrorType::Timeout);
        Usage::new(1, 1)
    }
    #[track_tokens]
    async fn inner() -> Option<Usage> {
        None
    }
    #[track_tokens(separate)]
    async fn outer() -> Option<Usage> {
        inner().await;
        call::report(CallErrorType::RateLimited);
        None
    }
    let scrape = scrape_after(route_get(async || {
        let _ = fallback().await;
    }))
    .await;
    assert_one_call(&scrape, &[("error_type", "timeout")]);
    assert_eq!(scrape.sum("app_token_usage_total", &[]), 2, "its tokens are kept");
    let scrape = scrape_after(route_get(async || {
        let _ = outer().await;
    }))
    .await;
    assert_eq!(scrape.sum("app_llm_calls_total", &[("error_type", "rate_limited")]), 1);
    assert_eq!(scrape.sum("app_llm_calls_total", &[("error_type", "")]), 1);
    call::report(CallErrorType::Other);
}

#[tokio::test]
async fn error_type_of_a_reply_is_found_in_its_status_and_its_bytes() {
    fn reply(status: u16, body: &'static str) -> Response {
        let status = StatusCode::from_u16(status).expect("a status");
        (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
    }
    #[track_tokens(protocol = "openai")]
    async fn tracked(status: u16, body: &'static str) -> Response {
        reply(status, body)
    }
    #[streaming_metrics(protocol = "openai")]
    async fn parsed(status: u16, body: &'static str) -> Response {
        reply(status, body)
    }
    #[streaming_metrics(protocol = "openai")]
    async fn hidden(status: u16, body: &'static str) -> impl IntoResponse {
        reply(status, body)
    }
    const FILTERED: &str = "{\"object\":\"chat.completion\",\"choices\":[{\"message\":{},\
                            \"finish_reason\":\"content_filter\"}]}";
    for (status, body, error_type, outcome) in [
        (429, "{}", "rate_limited", "error"),
        (529, "{}", "overloaded", "error"),
        (500, "", "server_error", "error"),
        (200, "{\"error\":{\"message\":\"no\",\"type\":\"server_error\"}}", "protocol", "error"),
        (200, FILTERED, "content_filter", "error"),
        (200, "{\"object\":\"chat.comp", "truncated", "truncated"),
    ] {
        for handler in [
            route_get(move || tracked(status, body)),
            route_get(move || parsed(status, body)),
            route_get(move || hidden(status, body)),
        ] {
            let scrape = scrape_after(handler).await;
            assert_one_call(&scrape, &[("error_type", error_type)]);
            let ended = [("outcome", outcome)];
            assert_eq!(scrape.sum("app_llm_call_duration_seconds_count", &ended), 1, "{body}");
        }
    }
}

#[tokio::test]
async fn operation_is_that_of_the_attribute_else_of_the_reply() {
    const CHAT: &str = "{\"object\":\"chat.completion\",\"choices\":[{\"message\":{}}],\
                        \"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}";
    #[track_tokens(protocol = "openai")]
    async fn of_the_reply() -> &'static str {
        CHAT
    }
    #[track_tokens(protocol = "openai", operation = "rerank")]
    async fn of_the_attribute() -> &'static str {
        CHAT
    }
    #[track_tokens]
    async fn of_a_value() -> Json<Value> {
        Json(serde_json::from_str(CHAT).expect("the reply is JSON"))
    }
    for (handler, operation) in [
        (route_get(of_the_reply), "chat"),
        (route_get(of_the_attribute), "rerank"),
        (route_get(of_a_value), "chat"),
    ] {
        assert_one_call(&scrape_after(handler).await, &[("operation", operation)]);
    }
}

#[tokio::test]
async fn rate_limits_are_those_of_the_last_reply() {
    fn reply(left: &'static str) -> Response {
        const REPLY: &str = "{\"model\":\"m-1\",\"choices\":[]}";
        let name = HeaderName::from_static("x-ratelimit-remaining-tokens");
        let requests = (HeaderName::from_static("anthropic-ratelimit-requests-remaining"), "7");
        ([(name, left), requests, (header::CONTENT_TYPE, "application/json")], REPLY)
            .into_response()
    }
    #[track_tokens(protocol = "openai", provider = "house")]
    async fn tracked(left: &'static str) -> Response {
        reply(left)
    }
    #[streaming_metrics(protocol = "openai", provider = "house")]
    async fn parsed(left: &'static str) -> Response {
        reply(left)
    }
    #[track_tokens(protocol = "openai", provider = "house")]
    async fn hidden(left: &'static str) -> impl IntoResponse {
        (StatusCode::OK, reply(left))
    }
    let metrics = metrics();
    for handler in [
        route_get(|| tracked("300")),
        route_get(|| parsed("200")),
        route_get(|| hidden("100")),
        route_get(|| tracked("none")),
    ] {
        scrape_of(&metrics, handler).await;
    }
    let scrape = settled(&metrics);
    let labels = |resource| [("provider", "house"), ("model", "m-1"), ("resource", resource)];
    let left = |resource| scrape.sum("app_llm_rate_limit_remaining", &labels(resource));
    assert_eq!((left("tokens"), left("requests")), (100, 7));
    assert_eq!(scrape.count("app_llm_rate_limit_remaining", &[]), 2);
}

#[tokio::test]
async fn cost_that_the_provider_states_is_recorded_beside_the_computed_one() {
    const REPLY: &str = "{\"object\":\"chat.completion\",\"model\":\"m-1\",\"choices\":[],\
                         \"service_tier\":\"flex\",\"usage\":{\"prompt_tokens\":1000000,\
                         \"completion_tokens\":1000000,\"cost\":0.25}}";
    #[track_tokens(protocol = "openai", provider = "house")]
    async fn tracked() -> &'static str {
        REPLY
    }
    #[track_tokens(provider = "house")]
    async fn value() -> Json<Value> {
        Json(serde_json::from_str(REPLY).expect("the reply is JSON"))
    }
    for handler in [route_get(tracked), route_get(value)] {
        let price = Price::per_million(2.0, 8.0).service_tier("flex", 0.5);
        let metrics = Metrics::builder().price("m-1", price).build().expect("valid settings");
        let scrape = scrape_of(&metrics, handler).await;
        let close = |family: &str, dollars: f64| {
            let amount = scrape.amount(family, &[("provider", "house"), ("model", "m-1")]);
            assert!((amount - dollars).abs() < 1e-9, "{family}: {amount}");
        };
        close("app_provider_cost_usd_total", 0.25);
        close("app_cost_usd_total", 5.0);
    }
}

/// Frames of a chat, each of which waits for the one before to be read.
fn frames(frames: &'static [&'static str]) -> Body {
    Body::from_stream(stream::iter(frames).then(async |frame| {
        tokio::time::sleep(Duration::from_millis(2)).await;
        Ok::<_, io::Error>(Bytes::from_static(frame.as_bytes()))
    }))
}

const ROLE: &str = "data: {\"object\":\"chat.completion.chunk\",\"model\":\"m-1\",\
                    \"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}\n\n";
const THOUGHT: &str = "data: {\"object\":\"chat.completion.chunk\",\"model\":\"m-1\",\
                       \"choices\":[{\"delta\":{\"reasoning_content\":\"Hm\"}}]}\n\n";
const ANSWER: &str = "data: {\"object\":\"chat.completion.chunk\",\"model\":\"m-1\",\
                      \"choices\":[{\"delta\":{\"content\":\"42\"}}]}\n\n";
const END: &str = "data: {\"object\":\"chat.completion.chunk\",\"model\":\"m-1\",\
                   \"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\
                   \"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n\ndata: [DONE]\n\n";

#[tokio::test]
async fn first_answer_comes_after_the_first_token_of_a_reasoning_model() {
    #[track_tokens(protocol = "openai", provider = "house")]
    async fn reasoning() -> Body {
        frames(&[ROLE, THOUGHT, THOUGHT, ANSWER, END])
    }
    #[track_tokens(protocol = "openai", provider = "house")]
    async fn thinks_only() -> Body {
        frames(&[ROLE, THOUGHT, END])
    }
    let scrape = scrape_after(route_get(reasoning)).await;
    let labels = [("endpoint", "/chat"), ("provider", "house"), ("model", "m-1")];
    let seconds = |family: &str| {
        assert_eq!(scrape.sum(&format!("app_{family}_seconds_count"), &labels), 1, "{family}");
        scrape.amount(&format!("app_{family}_seconds_sum"), &labels)
    };
    let (token, answer) = (seconds("time_to_first_token"), seconds("time_to_first_answer"));
    assert!(token < answer, "{token} and {answer}");
    assert!(seconds("llm_call_time_to_first_token") <= token);
    assert!(seconds("time_per_output_token") > 0.0);
    let scrape = scrape_after(route_get(thinks_only)).await;
    assert_eq!(scrape.sum("app_time_to_first_token_seconds_count", &labels), 1);
    assert_eq!(scrape.sum("app_time_to_first_answer_seconds_count", &[]), 0);
}

#[tokio::test]
async fn first_token_of_a_request_is_that_of_its_earliest_call() {
    #[track_tokens(protocol = "openai", model = model)]
    async fn ask(model: &'static str) -> Body {
        frames(&[ROLE, ANSWER, END])
    }
    let scrape = scrape_after(route_get(async || {
        for model in ["first", "second"] {
            ask(model).await.into_data_stream().count().await;
        }
    }))
    .await;
    assert_eq!(scrape.sum("app_llm_call_time_to_first_token_seconds_count", &[]), 2);
    assert_eq!(scrape.sum("app_time_to_first_token_seconds_count", &[("model", "first")]), 1);
    assert_eq!(scrape.sum("app_time_to_first_token_seconds_count", &[]), 1);
    assert_eq!(scrape.sum("app_time_to_first_answer_seconds_count", &[]), 1);
}

#[tokio::test]
async fn first_token_is_recorded_for_a_request_that_is_not() {
    #[track_tokens(protocol = "openai")]
    async fn reasoning() -> Body {
        frames(&[ROLE, ANSWER, END])
    }
    let metrics = Metrics::builder().skip_paths(["/chat"]).build().expect("valid settings");
    let scrape = scrape_of(&metrics, route_get(reasoning)).await;
    assert_eq!(scrape.sum("app_http_requests_total", &[]), 0);
    for family in ["llm_call_time_to_first_token", "time_to_first_token", "time_to_first_answer"] {
        assert_eq!(scrape.sum(&format!("app_{family}_seconds_count"), &[]), 1, "{family}");
    }
    assert_eq!(scrape.sum("app_llm_calls_per_request_count", &[]), 0);
}

#[tokio::test]
async fn whole_reply_has_no_first_token_and_no_pace() {
    const REPLY: &str = "{\"object\":\"chat.completion\",\"choices\":[{\"message\":\
                         {\"content\":\"Hi\"},\"finish_reason\":\"stop\"}],\
                         \"usage\":{\"prompt_tokens\":1,\"completion_tokens\":9}}";
    #[streaming_metrics(protocol = "openai")]
    async fn in_pieces() -> impl IntoResponse {
        let pieces = REPLY.as_bytes().chunks(10).map(Bytes::from_static);
        let body = Body::from_stream(stream::iter(pieces.map(Ok::<_, io::Error>)));
        ([(header::CONTENT_TYPE, "application/json")], body)
    }
    #[track_tokens(protocol = "openai")]
    async fn without_a_type() -> Body {
        let pieces = REPLY.as_bytes().chunks(10).map(Bytes::from_static);
        Body::from_stream(stream::iter(pieces.map(Ok::<_, io::Error>)))
    }
    for handler in [route_get(in_pieces), route_get(without_a_type)] {
        let scrape = scrape_after(handler).await;
        assert_one_call(&scrape, &[("finish_reason", "stop"), ("error_type", "")]);
        for family in [
            "time_to_first_token",
            "time_to_first_answer",
            "llm_call_time_to_first_token",
            "time_per_output_token",
            "stream_duration",
        ] {
            let name = format!("app_{family}_seconds_count");
            assert_eq!(scrape.sum(&name, &[]), 0, "{family}");
        }
    }
}

#[tokio::test]
async fn overhead_is_the_time_in_which_no_call_is_open() {
    #[track_tokens]
    async fn ask() -> Usage {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Usage::new(1, 1)
    }
    let scrape = scrape_after(route_get(async || {
        tokio::join!(ask(), ask());
        tokio::time::sleep(Duration::from_millis(20)).await;
        ask().await;
    }))
    .await;
    let labels = [("endpoint", "/chat")];
    let duration = scrape.amount("app_http_request_duration_seconds_sum", &labels);
    let overhead = scrape.amount("app_llm_overhead_seconds_sum", &labels);
    let in_calls = scrape.amount("app_llm_call_duration_seconds_sum", &labels);
    assert_eq!(scrape.sum("app_llm_overhead_seconds_count", &labels), 1);
    assert!((0.020..duration).contains(&overhead), "{overhead} of {duration}");
    // Two of the three calls ran at once, for as long as the longer of both.
    let open = duration - overhead;
    assert!(open < in_calls && open * 2.0 > in_calls, "{open} of {in_calls}");
    assert_eq!(scrape.sum("app_llm_calls_per_request_count", &labels), 1);
    assert_eq!(scrape.sum("app_llm_calls_per_request_sum", &labels), 3);
}

#[tokio::test]
async fn overhead_and_time_with_open_calls_are_the_duration_of_the_request() {
    #[track_tokens]
    async fn ask() -> Usage {
        tokio::time::sleep(Duration::from_millis(3)).await;
        Usage::new(1, 1)
    }
    let scrape = scrape_after(route_get(async || {
        for _ in 0..5 {
            ask().await;
            tokio::task::yield_now().await;
        }
    }))
    .await;
    let seconds = |family: &str| scrape.amount(&format!("app_{family}_seconds_sum"), &[]);
    let sum = seconds("llm_overhead") + seconds("llm_call_duration");
    let duration = seconds("http_request_duration");
    assert!((sum - duration).abs() < 0.001, "{sum} and {duration}");
}

#[tokio::test]
async fn request_without_calls_has_neither_overhead_nor_calls() {
    let scrape = scrape_after(route_get("no call")).await;
    for family in ["llm_overhead_seconds_count", "llm_calls_per_request_count", "llm_calls_total"] {
        assert_eq!(scrape.count(&format!("app_{family}"), &[]), 0, "{family}");
    }
}

#[tokio::test]
async fn request_label_that_the_handler_sets_is_on_all_its_calls() {
    #[track_tokens(protocol = "openai", provider = "house")]
    async fn ask() -> &'static str {
        "{\"model\":\"m-1\",\"choices\":[],\"usage\":{\"prompt_tokens\":1000000,\
         \"completion_tokens\":0,\"cost\":1.5}}"
    }
    let tenant = RequestLabel::new("tenant").values(["acme"]);
    let metrics = Metrics::builder()
        .request_label(tenant)
        .price("m-1", Price::per_million(2.0, 8.0))
        .build()
        .expect("valid settings");
    let handler = route_get(async || {
        let first = ask().await;
        request_label::set("tenant", "acme");
        let second = ask().await;
        format!("{first}{second}")
    });
    let scrape = scrape_of(&metrics, handler).await;
    let acme = [("tenant", "acme")];
    for (family, amount) in [
        ("llm_calls_total", 1.0),
        ("llm_call_duration_seconds_count", 1.0),
        ("token_usage_total", 1_000_000.0),
        ("cost_usd_total", 2.0),
        ("provider_cost_usd_total", 1.5),
        ("http_requests_total", 1.0),
    ] {
        let labelled = scrape.amount(&format!("app_{family}"), &acme);
        assert!((labelled - amount).abs() < 1e-9, "{family}: {labelled}");
    }
    assert_eq!(scrape.sum("app_llm_calls_total", &[]), 2, "one before the label was set");
}
