//! The example `gateway_fallback`: its page shows attempts, reasons, and the cost of each tenant.

use std::fs::write;
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use serde_json::Value;
use streamgauge::{Metrics, Prices, RequestLabel};
use streamgauge_examples::gateway_fallback::{self, Provider};
use streamgauge_test_support::Scrape;
use tempfile::tempdir;

use crate::client::{next_chunk, post, read_body, send};
use crate::fallbacks::assert_attempts;
use crate::samples::{
    CHAT, CHAT_OPENING, CHAT_REPLY, CHAT_STOP, CHAT_TOKEN, CHAT_USAGE, DONE, END, JSON, QUESTION,
    STREAM_HEAD,
};
use crate::scripted_upstream::{Gateway, ScriptedUpstream, chunk, fixed_reply};

const EVENTS: [&str; 5] = [CHAT_OPENING, CHAT_TOKEN, CHAT_STOP, CHAT_USAGE, DONE];
const TENANTS: [&str; 2] = ["acme", "zenith"];
/// US dollars for a million tokens: of the input, of cached input, and of the output.
const PRICES: (f64, f64, f64) = (3.0, 0.3, 15.0);
const PRICE_FILE: &str = "{\"m-1\": {\"input\": 3, \"cache_read\": 0.3, \"output\": 15}}";

/// A gateway with two attempts at each of two providers.
struct TwoProviders {
    gateway: Gateway,
    first: ScriptedUpstream,
    second: ScriptedUpstream,
}

impl TwoProviders {
    async fn new() -> Self {
        Self::with_timeout(Duration::from_secs(20)).await
    }

    async fn with_timeout(timeout: Duration) -> Self {
        let directory = tempdir().expect("a directory can be made");
        let path = directory.path().join("prices.json");
        write(&path, PRICE_FILE).expect("the file can be written");
        let prices = Prices::from_file(&path).expect("the prices are valid");
        let tenant = RequestLabel::new("tenant").from_header("x-tenant").values(TENANTS);
        let settings = Metrics::builder().prices(prices).request_label(tenant);

        let [first, second] = [ScriptedUpstream::new().await, ScriptedUpstream::new().await];
        let provider = |name: &str, upstream: &ScriptedUpstream| Provider {
            name: name.to_owned(),
            url: upstream.url(),
            key: Some(format!("sk-{name}")),
        };
        let client = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([])
            .read_timeout(timeout)
            .build()
            .expect("the settings are valid");
        let app = gateway_fallback::Gateway {
            client,
            providers: vec![provider("first", &first), provider("second", &second)],
            attempts: 2,
            backoff: Duration::from_millis(1),
        };
        let gateway =
            Gateway::serve_with(settings, |metrics| gateway_fallback::app(app, metrics)).await;
        Self { gateway, first, second }
    }
}

fn question_of(tenant: &'static str) -> Request<Full<Bytes>> {
    let mut request = post(CHAT, QUESTION);
    request.headers_mut().insert("x-tenant", tenant.parse().expect("the value is valid"));
    request
}

fn refusal(status: &str) -> String {
    fixed_reply(status, JSON, "{\"error\":{\"message\":\"no\"}}")
}

fn streamed() -> String {
    let chunks: String = EVENTS.iter().map(|event| chunk(event)).collect();
    format!("{STREAM_HEAD}{chunks}{END}")
}

/// Returns what the usage of a reply costs.
fn cost_of(usage: &Value) -> f64 {
    let count = |value: &Value| {
        f64::from(u32::try_from(value.as_u64().expect("a count")).expect("the count fits"))
    };
    let cached = count(&usage["prompt_tokens_details"]["cached_tokens"]);
    let uncached = count(&usage["prompt_tokens"]) - cached;
    let (input, cache_read, output) = PRICES;
    (uncached * input + cached * cache_read + count(&usage["completion_tokens"]) * output) / 1e6
}

fn usage_in(json: &str) -> Value {
    let reply: Value = serde_json::from_str(json).expect("the reply is JSON");
    reply["usage"].clone()
}

#[track_caller]
fn assert_cost(scrape: &Scrape, tenant: &str, expected: f64) {
    let cost = scrape.amount("app_cost_usd_total", &[("tenant", tenant)]);
    assert!((cost - expected).abs() < 1e-12, "{tenant}: {cost} instead of {expected}");
}

/// Asserts the labels of the only request, that all its calls have the tenant, and that no call
/// misses its usage.
#[track_caller]
fn assert_request(scrape: &Scrape, tenant: &str, status: &str, outcome: &str) {
    let request =
        [("endpoint", CHAT), ("tenant", tenant), ("status", status), ("outcome", outcome)];
    assert_eq!(scrape.sum("app_http_requests_total", &request), 1, "{scrape:#?}");
    let of_tenant = [("tenant", tenant), ("operation", "chat")];
    let calls = scrape.sum("app_llm_calls_total", &[]);
    assert_eq!(scrape.sum("app_llm_calls_total", &of_tenant), calls, "{scrape:#?}");
    assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0, "{scrape:#?}");
}

#[tokio::test]
async fn gateway_fallback_retries_then_asks_the_next_provider() {
    let both = TwoProviders::new().await;
    let upstreams = async {
        let heads = [
            both.first.answer(refusal("429 Too Many Requests")).await,
            both.first.answer(refusal("500 Internal Server Error")).await,
            both.second.answer(fixed_reply("200 OK", JSON, CHAT_REPLY)).await,
        ];
        for (head, key) in heads.iter().zip(["sk-first", "sk-first", "sk-second"]) {
            assert!(head.contains(&format!("authorization: Bearer {key}\r\n")), "{head}");
        }
    };
    let client = send(both.gateway.address, question_of("acme"));
    let ((), response) = tokio::join!(upstreams, client);
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/json");
    let reply = read_body(response).await;
    assert_eq!(reply, CHAT_REPLY);
    let scrape = both.gateway.at_rest(1).await;
    let attempts = [("first", "rate_limited"), ("first", "server_error"), ("second", "")];
    assert_attempts(&scrape, &attempts);
    assert_request(&scrape, "acme", "200", "success");
    assert_cost(&scrape, "acme", cost_of(&usage_in(&reply)));
    assert_eq!(scrape.count("app_stream_duration_seconds_count", &[]), 0, "JSON is no stream");
    let whole = [("provider", "second"), ("outcome", "success")];
    assert_eq!(scrape.sum("app_llm_call_duration_seconds_count", &whole), 1);
}

/// After 101, which nobody has asked for, another protocol would follow.
#[tokio::test]
async fn gateway_fallback_does_not_forward_a_status_that_no_client_can_read() {
    let both = TwoProviders::new().await;
    let switch =
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: other\r\n\r\nbytes";
    let upstreams = async {
        both.first.answer(switch).await;
        both.first.answer(refusal("700 Unassigned")).await;
        both.second.answer(switch).await;
        both.second.answer(refusal("600 Unassigned")).await;
    };
    let client = send(both.gateway.address, question_of("acme"));
    let ((), response) = tokio::join!(upstreams, client);
    assert_eq!(response.status(), 502);
    assert_eq!(read_body(response).await, "");
    let scrape = both.gateway.at_rest(1).await;
    let failed = ["first", "first", "second", "second"].map(|name| (name, "server_error"));
    assert_attempts(&scrape, &failed);
    assert_request(&scrape, "acme", "502", "server_error");
}

#[tokio::test]
async fn gateway_fallback_waits_as_long_as_the_provider_asks() {
    let both = TwoProviders::new().await;
    let retry_after = format!("{JSON}retry-after: 1\r\n");
    let upstreams = async {
        both.first.answer(fixed_reply("429 Too Many Requests", &retry_after, "{}")).await;
        let refused = Instant::now();
        both.first.answer(fixed_reply("200 OK", JSON, CHAT_REPLY)).await;
        refused.elapsed()
    };
    let (waited, response) =
        tokio::join!(upstreams, send(both.gateway.address, question_of("acme")));
    assert!(waited > Duration::from_millis(900), "{waited:?}");
    assert_eq!(read_body(response).await, CHAT_REPLY);
    assert_attempts(&both.gateway.at_rest(1).await, &[("first", "rate_limited"), ("first", "")]);
}

#[tokio::test]
async fn gateway_fallback_records_the_latency_of_each_provider() {
    const HELD_BACK: Duration = Duration::from_millis(100);
    let both = TwoProviders::new().await;
    let upstreams = async {
        for _ in 0..2 {
            let mut connection = both.first.accept().await;
            connection.request().await;
            tokio::time::sleep(HELD_BACK).await;
            connection.write(refusal("500 Internal Server Error")).await;
        }
        both.second.answer(fixed_reply("200 OK", JSON, CHAT_REPLY)).await;
    };
    let started = Instant::now();
    let client = async {
        read_body(send(both.gateway.address, question_of("acme")).await).await;
        started.elapsed().as_secs_f64()
    };
    let ((), waited) = tokio::join!(upstreams, client);
    let scrape = both.gateway.at_rest(1).await;
    let seconds =
        |provider| scrape.amount("app_llm_call_duration_seconds_sum", &[("provider", provider)]);
    let (first, second) = (seconds("first"), seconds("second"));
    assert!(first >= 2.0 * HELD_BACK.as_secs_f64(), "{first}");
    assert!(first + second <= waited, "{first} and {second} of the client's {waited}");
    let overhead = scrape.amount("app_llm_overhead_seconds_sum", &[]);
    let duration = scrape.amount("app_http_request_duration_seconds_sum", &[("tenant", "acme")]);
    assert!((first + second + overhead - duration).abs() < 0.001, "{scrape:#?}");
}

#[tokio::test]
async fn gateway_fallback_streams_after_a_provider_that_is_silent() {
    let both = TwoProviders::with_timeout(Duration::from_millis(50)).await;
    let upstreams = async {
        both.first.accept().await.closed().await;
        both.first.accept().await.closed().await;
        both.second.answer(streamed()).await;
    };
    let ((), response) = tokio::join!(upstreams, send(both.gateway.address, question_of("zenith")));
    let received = read_body(response).await;
    assert_eq!(received, EVENTS.concat());
    let usage = received.lines().find(|line| line.contains("\"usage\"")).expect("a usage chunk");
    let scrape = both.gateway.at_rest(1).await;
    assert_attempts(&scrape, &[("first", "timeout"), ("first", "timeout"), ("second", "")]);
    assert_request(&scrape, "zenith", "200", "success");
    assert_cost(&scrape, "zenith", cost_of(&usage_in(usage.trim_start_matches("data: "))));
    assert_cost(&scrape, "acme", 0.0);
    let streams = [("tenant", "zenith"), ("outcome", "complete")];
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &streams), 1, "{scrape:#?}");
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &[]), 1);
    let first_token = [("provider", "second")];
    for family in ["llm_call_time_to_first_token_seconds", "time_to_first_token_seconds"] {
        assert_eq!(scrape.sum(&format!("app_{family}_count"), &first_token), 1, "{family}");
    }
}

#[tokio::test]
async fn gateway_fallback_does_not_retry_a_stream_that_breaks_off() {
    let both = TwoProviders::new().await;
    let begun = format!("{STREAM_HEAD}{}", chunk(CHAT_OPENING));
    let (_, mut response) =
        tokio::join!(both.first.answer(begun), send(both.gateway.address, question_of("acme")));
    while let Some(Ok(_)) = next_chunk(&mut response).await {}
    let scrape = both.gateway.at_rest(1).await;
    assert_attempts(&scrape, &[("first", "connect")]);
    assert_request(&scrape, "acme", "200", "server_error");
    let streams = [("outcome", "stream_error")];
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &streams), 1, "{scrape:#?}");
}

#[tokio::test]
async fn gateway_fallback_forwards_the_last_refusal() {
    let both = TwoProviders::new().await;
    let upstreams = async {
        for upstream in [&both.first, &both.first, &both.second, &both.second] {
            upstream.answer(refusal("503 Service Unavailable")).await;
        }
    };
    let ((), response) = tokio::join!(upstreams, send(both.gateway.address, question_of("acme")));
    assert_eq!(response.status(), 503);
    read_body(response).await;
    let scrape = both.gateway.at_rest(1).await;
    let [first, second] = [("first", "overloaded"), ("second", "overloaded")];
    assert_attempts(&scrape, &[first, first, second, second]);
    assert_request(&scrape, "acme", "503", "server_error");
    assert_eq!(scrape.count("app_stream_duration_seconds_count", &[]), 0);
}

#[tokio::test]
async fn gateway_fallback_answers_502_if_no_provider_can_be_reached() {
    let TwoProviders { gateway, first, second } = TwoProviders::new().await;
    drop((first, second));
    let response = send(gateway.address, question_of("acme")).await;
    assert_eq!(response.status(), 502);
    let scrape = gateway.at_rest(1).await;
    let [first, second] = [("first", "connect"), ("second", "connect")];
    assert_attempts(&scrape, &[first, first, second, second]);
    assert_request(&scrape, "acme", "502", "server_error");
}

#[tokio::test]
async fn gateway_fallback_closes_the_upstream_connection_of_a_client_that_disconnects() {
    let both = TwoProviders::new().await;
    let upstream = async {
        let mut connection = both.first.accept().await;
        connection.request().await;
        connection.write(STREAM_HEAD).await;
        connection.chunk(CHAT_OPENING).await;
        connection
    };
    let (mut connection, mut response) =
        tokio::join!(upstream, send(both.gateway.address, question_of("acme")));
    next_chunk(&mut response).await.expect("the response begins").expect("the chunk is intact");
    drop(response);
    connection.closed().await;
    let scrape = both.gateway.at_rest(1).await;
    let cancelled = [("provider", "first"), ("finish_reason", "cancelled"), ("tenant", "acme")];
    assert_eq!(scrape.sum("app_llm_calls_total", &cancelled), 1, "{scrape:#?}");
    assert_eq!(scrape.sum("app_llm_calls_total", &[]), 1, "{scrape:#?}");
}

#[tokio::test]
async fn gateway_fallback_exports_unknown_tenants_as_other() {
    let both = TwoProviders::new().await;
    for (requests, tenant) in (1..).zip(["mallory", "mallory-2", "acme"]) {
        let reply = fixed_reply("200 OK", JSON, CHAT_REPLY);
        let (_, response) =
            tokio::join!(both.first.answer(reply), send(both.gateway.address, question_of(tenant)));
        read_body(response).await;
        both.gateway.at_rest(requests).await;
    }
    let scrape = both.gateway.at_rest(3).await;
    assert_eq!(scrape.values("app_llm_calls_total", "tenant"), ["acme", "other"]);
    let cost = cost_of(&usage_in(CHAT_REPLY));
    assert_cost(&scrape, "acme", cost);
    assert_cost(&scrape, "other", 2.0 * cost);
}
