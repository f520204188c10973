//! The numbers of a reading are those of the metrics page.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get as route_get;
use futures_core::Stream;
use futures_util::stream;
use serde_json::{Value, json};
use streamgauge::call::{CallError, CallErrorType};
use streamgauge::{Metrics, Price, Usage, instrument_endpoint, streaming_metrics, track_tokens};
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::{get, metrics};
use tokio::time::timeout;

use super::{Events, number, row, rows, with_live_page};

#[derive(Debug)]
struct Overloaded;

impl CallError for Overloaded {
    fn call_error_type(&self) -> CallErrorType {
        CallErrorType::Overloaded
    }
}

impl IntoResponse for Overloaded {
    fn into_response(self) -> Response {
        StatusCode::SERVICE_UNAVAILABLE.into_response()
    }
}

#[track_tokens(provider = "house", model = model.clone())]
async fn ask(model: String) -> Result<Usage, Overloaded> {
    if model == "broken" { Err(Overloaded) } else { Ok(Usage::new(1000, 200).cache_read(300)) }
}

#[instrument_endpoint]
async fn chat(Path(model): Path<String>) -> Result<&'static str, Overloaded> {
    ask(model).await.map(|_| "answered")
}

#[streaming_metrics(protocol = "openai")]
async fn reply() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let chunks = [
        json!({ "model": "small-1", "choices": [{ "delta": { "content": "Hello" } }] }).to_string(),
        json!({ "model": "small-1", "choices": [{ "delta": {}, "finish_reason": "stop" }],
                "usage": { "prompt_tokens": 5, "completion_tokens": 1 } })
        .to_string(),
        "[DONE]".to_owned(),
    ];
    Sse::new(stream::iter(chunks.map(|chunk| Ok(Event::default().data(chunk)))))
}

fn app(metrics: &Metrics) -> Router {
    let app = Router::new()
        .route("/items/{id}", route_get(|| async { "an item" }))
        .route("/refused", route_get(|| async { StatusCode::FORBIDDEN }))
        .route("/failed", route_get(|| async { StatusCode::BAD_GATEWAY }))
        .route("/slow", route_get(std::future::pending::<()>))
        .route("/chat/{model}", route_get(chat))
        .route("/reply", route_get(reply));
    with_live_page(app, metrics)
}

/// Returns the bounds of a histogram as the metrics page writes them.
fn bounds(description: &Value, name: &str) -> Vec<String> {
    let bounds = description["bounds"][name].as_array().expect("the bounds are a list");
    let bounds = bounds.iter().map(|bound| bound.as_f64().expect("a bound").to_string());
    bounds.chain(["+Inf".to_owned()]).collect()
}

/// Checks the buckets of a row against a histogram of the metrics page.
fn assert_buckets(
    buckets: &Value,
    bounds: &[String],
    scrape: &Scrape,
    (family, labels): (&str, &[(&str, &str)]),
) {
    assert_eq!(buckets.as_array().map(Vec::len), Some(bounds.len()));
    for (index, bound) in bounds.iter().enumerate() {
        let labels = [labels, &[("le", bound.as_str())]].concat();
        let expected = scrape.sum(&format!("{family}_bucket"), &labels);
        assert_eq!(number(&buckets[index], ""), expected, "{family} {labels:?}");
    }
}

#[tokio::test]
async fn reading_has_the_requests_of_the_metrics_page() {
    let metrics = metrics();
    let app = app(&metrics);
    for path in ["/items/1", "/items/2", "/items/3", "/refused", "/failed", "/failed", "/none"] {
        get(&app, path).await;
    }
    let cancelled = timeout(Duration::from_millis(1), get(&app, "/slow")).await;
    assert!(cancelled.is_err(), "the handler never responds");
    let mut events = Events::open(&app).await;
    let description: Value =
        serde_json::from_str(&events.next("describe").await).expect("a description is JSON");
    let reading = events.reading().await;
    let scrape = Scrape::of(&metrics);
    assert_eq!(rows(&reading, "requests").len(), 5, "{reading:#}");
    for endpoint in ["/items/{id}", "/refused", "/failed", "/slow", "unmatched"] {
        let requests = row(&reading, "requests", "endpoint", endpoint);
        for outcome in ["success", "client_error", "server_error", "cancelled", "panic"] {
            let labels = [("endpoint", endpoint), ("outcome", outcome)];
            let expected = scrape.sum("app_http_requests_total", &labels);
            assert_eq!(number(&requests["outcomes"], &format!("/{outcome}")), expected);
        }
        assert_eq!(number(requests, "/active"), 0);
        assert!(requests["oldest_ms"].is_null());
    }
    let items = row(&reading, "requests", "endpoint", "/items/{id}");
    assert_eq!(number(items, "/outcomes/success"), 3);
    assert_buckets(
        &items["buckets"],
        &bounds(&description, "request"),
        &scrape,
        ("app_http_request_duration_seconds", &[("endpoint", "/items/{id}")]),
    );
    let slow = row(&reading, "requests", "endpoint", "/slow");
    assert_eq!(number(slow, "/outcomes/cancelled"), 1);
    let buckets = slow["buckets"].as_array().expect("the buckets are a list");
    assert!(buckets.iter().all(|number| *number == 0), "cancelled requests are left out");
}

#[tokio::test]
async fn reading_has_the_requests_in_flight() {
    let metrics = metrics();
    let app = app(&metrics);
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..3 {
        let app = app.clone();
        requests.spawn(async move { get(&app, "/slow").await });
    }
    tokio::task::yield_now().await;
    let reading = Events::first_reading(&app).await;
    assert_eq!(number(row(&reading, "requests", "endpoint", "/slow"), "/active"), 3);
}

#[tokio::test]
async fn reading_has_the_calls_and_streams_of_the_metrics_page() {
    let metrics = Metrics::builder().price("small-1", Price::per_million(2.0, 10.0));
    let metrics = metrics.build().expect("the price is valid");
    let app = app(&metrics);
    for path in ["/chat/small-1", "/chat/small-1", "/chat/broken", "/reply", "/reply"] {
        get(&app, path).await;
    }
    let mut events = Events::open(&app).await;
    let description: Value =
        serde_json::from_str(&events.next("describe").await).expect("a description is JSON");
    assert_eq!(description["has"], json!({ "streams": true, "calls": true, "cost": true }));
    let reading = events.reading().await;
    let scrape = Scrape::of(&metrics);

    let house = rows(&reading, "calls")
        .iter()
        .find(|row| row["provider"] == "house" && row["model"] == "small-1");
    let house = house.expect("the calls have a row");
    assert_eq!(house["outcomes"], json!({ "success": 2 }));
    assert_eq!(house["tokens"], json!({ "input": 2000, "cached": 600, "output": 400 }));
    let cost = scrape.amount("app_cost_usd_total", &[("provider", "house")]);
    assert!((house["cost"].as_f64().expect("a cost") - cost).abs() < 1e-12 && cost > 0.0);
    let broken = row(&reading, "calls", "model", "broken");
    assert_eq!(broken["outcomes"], json!({ "error": 1 }));
    assert_eq!(broken["errors"], json!({ "overloaded": 1 }));
    assert!(broken["cost"].is_null(), "the model has no price");

    let reply = row(&reading, "streams", "endpoint", "/reply");
    assert_eq!(reply["outcomes"], json!({ "complete": 2 }));
    assert_eq!(number(reply, "/active"), 0);
    let labels = [("endpoint", "/reply")];
    assert_eq!(number(reply, "/chunks"), scrape.sum("app_stream_chunks_total", &labels));
    assert_eq!(number(reply, "/bytes"), scrape.sum("app_stream_bytes_total", &labels));
    let bounds = bounds(&description, "first");
    for (name, family) in [
        ("first", "app_time_to_first_chunk_seconds"),
        ("first_token", "app_time_to_first_token_seconds"),
    ] {
        assert_eq!(reply[name]["buckets"][bounds.len() - 1], 2);
        assert_buckets(&reply[name]["buckets"], &bounds, &scrape, (family, &labels));
    }

    let failed = row(&reading, "exceptions", "endpoint", "/chat/{model}");
    assert_eq!((&failed["type"], number(failed, "/count")), (&json!("Overloaded"), 1));
}

#[tokio::test]
async fn reading_has_the_buckets_of_families_with_different_bounds() {
    let metrics = Metrics::builder()
        .buckets("time_to_first_chunk_seconds", [10.0, 60.0])
        .buckets("time_to_first_token_seconds", [1.0, 20.0])
        .buckets("llm_call_time_to_first_token_seconds", [60.0]);
    let metrics = metrics.build().expect("the bounds are valid");
    let app = app(&metrics);
    get(&app, "/reply").await;
    let mut events = Events::open(&app).await;
    let description: Value =
        serde_json::from_str(&events.next("describe").await).expect("a description is JSON");
    assert_eq!(description["bounds"]["first"], json!([1.0, 10.0, 20.0, 60.0]));
    let reading = events.reading().await;
    let reply = row(&reading, "streams", "endpoint", "/reply");
    assert_eq!(reply["first"]["buckets"], json!([0, 1, 1, 1, 1]), "its first bucket ends at 10");
    assert_eq!(reply["first_token"]["buckets"], json!([1, 1, 1, 1, 1]), "and this one at 1");
    let call = row(&reading, "calls", "model", "small-1");
    assert_eq!(call["first"]["buckets"], json!([0, 0, 0, 1, 1]), "and this one at 60");
}

#[tokio::test]
async fn label_values_of_a_reading_are_texts_whatever_they_contain() {
    #[track_tokens(provider = provider, model = model)]
    async fn call(provider: String, model: String) -> Usage {
        Usage::new(1, 1)
    }
    const VALUES: [&str; 6] = [
        "<script>alert(1)</script>",
        "\"quoted\" & 'quoted' \\",
        "\u{202e}مرحبا",
        "🦀🚀🦀🚀🦀🚀🦀🚀🦀🚀🦀🚀🦀🚀🦀🚀🦀🚀🦀🚀🦀🚀🦀🚀🦀🚀🦀🚀🦀🚀🦀🚀",
        "two\n\nevent: reading\ndata: {}\r\n\r\nlines",
        "\0\u{1}\u{2028}",
    ];
    let handler = || async {
        for value in VALUES {
            call(value.to_owned(), value.to_owned()).await;
        }
    };
    let metrics = metrics();
    let app = with_live_page(Router::new().route("/ask", route_get(handler)), &metrics);
    get(&app, "/ask").await;
    let reading = Events::first_reading(&app).await;
    assert_eq!(rows(&reading, "calls").len(), VALUES.len(), "{reading:#}");
    for value in VALUES {
        let call = row(&reading, "calls", "model", value);
        assert_eq!(call["provider"], value);
        assert_eq!(number(call, "/outcomes/success"), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn reading_has_the_busiest_endpoints_and_the_sum_of_the_others() {
    let paths: Vec<_> = (0..4000).map(|number| format!("/{number}")).collect();
    let app = paths
        .iter()
        .fold(Router::new(), |app, path| app.route(path, route_get(|| async { "found" })));
    let metrics = metrics();
    let app = with_live_page(app, &metrics);
    for path in &paths {
        get(&app, path).await;
    }
    let busy = &paths[3000..3200];
    for path in busy {
        get(&app, path).await;
    }
    let mut events = Events::open(&app).await;
    events.next("describe").await;
    let reading = events.reading().await;
    assert_rows(&reading, busy, 4200);

    // Others become as busy as those with a row, which keep their rows.
    for path in &paths[..100] {
        get(&app, path).await;
    }
    assert_rows(&events.reading().await, busy, 4300);

    // One becomes busier.
    for _ in 0..3 {
        get(&app, "/50").await;
    }
    let reading = events.reading().await;
    assert_eq!(number(row(&reading, "requests", "endpoint", "/50"), "/outcomes/success"), 5);
    assert_eq!(total(&reading, "/outcomes/success"), 4303);
}

/// Checks that these endpoints have rows, and that the sum of all rows is `all`.
fn assert_rows(reading: &Value, endpoints: &[String], all: i64) {
    let requests = rows(reading, "requests");
    assert_eq!(requests.len(), 201);
    assert_eq!(requests[200]["endpoint"], "…");
    assert_eq!(requests[200]["is_rest"], true);
    assert!(requests[..200].iter().all(|row| row.get("is_rest").is_none()));
    assert_eq!(reading["rest"]["requests"], 3800);
    for endpoint in endpoints {
        row(reading, "requests", "endpoint", endpoint);
    }
    assert_eq!(total(reading, "/outcomes/success"), all);
    assert_eq!(total(reading, "/buckets/17"), all);
}

/// Sums a number of all requests.
fn total(reading: &Value, pointer: &str) -> i64 {
    rows(reading, "requests").iter().map(|row| number(row, pointer)).sum()
}

#[tokio::test]
async fn reading_warns_of_overflow() {
    #[track_tokens(model = model)]
    async fn call(model: String) -> Usage {
        Usage::new(1, 1)
    }
    let handler = || async {
        for model in ["a", "b", "c"] {
            call(model.to_owned()).await;
        }
    };
    let metrics = Metrics::builder().max_label_values(1).build().expect("the limit is valid");
    let app = with_live_page(Router::new().route("/ask", route_get(handler)), &metrics);
    get(&app, "/ask").await;
    let reading = Events::first_reading(&app).await;
    let calls = row(&reading, "overflow", "family", "app_llm_calls_total");
    assert_eq!((&calls["label"], number(calls, "/count")), (&json!("model"), 2));
    let other = row(&reading, "calls", "model", "other");
    assert_eq!(number(other, "/outcomes/success"), 2);
}

#[tokio::test]
async fn reading_of_a_disabled_instance_is_empty() {
    let metrics = Metrics::builder().enabled(false).build().expect("the setting is valid");
    let app = app(&metrics);
    get(&app, "/items/1").await;
    let reading = Events::first_reading(&app).await;
    for table in ["requests", "streams", "calls", "exceptions"] {
        assert!(rows(&reading, table).is_empty(), "{reading:#}");
    }
}

#[tokio::test]
async fn description_names_the_instance() {
    let one = Metrics::builder().prefix("shop").build().expect("the prefix is valid");
    let other = Metrics::builder().prefix("").build().expect("the prefix is valid");
    let mut descriptions = Vec::new();
    for metrics in [&one, &one, &other] {
        let mut events = Events::open(&app(metrics)).await;
        let description: Value =
            serde_json::from_str(&events.next("describe").await).expect("a description is JSON");
        descriptions.push(description);
    }
    let [first, again, other] = &descriptions[..] else { unreachable!("three descriptions") };
    assert_eq!(first, again, "the page keeps its history if its connection was lost");
    assert_ne!(first["instance"], other["instance"]);
    assert_eq!((&first["prefix"], &first["title"]), (&json!("shop"), &json!("shop")));
    assert_eq!((&other["prefix"], &other["title"]), (&json!(""), &json!("streamgauge")));
}

#[cfg(feature = "monitoring")]
#[tokio::test]
async fn description_has_the_objectives() {
    let objective = streamgauge::Objective::new()
        .success(99.9)
        .latency(Duration::from_millis(250), 95.0)
        .first_token(Duration::from_secs(1), 90.0);
    let metrics = Metrics::builder().objective("/live-objective", objective);
    let metrics = metrics.build().expect("the objective is valid");
    let mut events = Events::open(&app(&metrics)).await;
    let description: Value =
        serde_json::from_str(&events.next("describe").await).expect("a description is JSON");
    let objectives = description["objectives"].as_array().expect("the objectives are a list");
    let own: Vec<_> =
        objectives.iter().filter(|goal| goal["endpoint"] == "/live-objective").collect();
    let endpoint = "/live-objective";
    assert_eq!(
        own,
        [
            &json!({ "endpoint": endpoint, "condition": "success", "percent": 99.9 }),
            &json!({
                "endpoint": endpoint, "condition": "latency", "seconds": 0.25, "percent": 95.0,
            }),
            &json!({
                "endpoint": endpoint, "condition": "first_token", "seconds": 1.0, "percent": 90.0,
            }),
        ]
    );
}
