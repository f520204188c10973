//! The age of the oldest request in flight.

use std::future::{Future, pending};
use std::pin::{Pin, pin};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::Method;
use axum::routing::get as route_get;
use futures_util::{poll, stream};
use serde_json::Value;
use streamgauge::{Metrics, instrument_endpoint};
use streamgauge_test_support::client::{get, metrics, send};

use super::{Events, number, row, with_live_page};

#[instrument_endpoint(endpoint = "named")]
async fn named() {
    pending::<()>().await;
}

fn app(metrics: &Metrics) -> Router {
    let chunks = || async { Body::from_stream(stream::pending::<Result<String, String>>()) };
    let app = Router::new()
        .route("/slow", route_get(pending::<()>))
        .route("/named", route_get(named))
        .route("/chunks", route_get(chunks))
        .route("/metrics", route_get(metrics.endpoint()))
        .fallback(pending::<()>);
    with_live_page(app, metrics)
}

/// Polls a request for the first time, and returns when it was sent.
async fn start(request: &mut Pin<&mut impl Future>) -> Instant {
    let sent = Instant::now();
    assert!(poll!(request).is_pending(), "the handler never responds");
    sent
}

/// Returns the active requests of an endpoint, the age of the oldest one, and whether that is only
/// the least age.
fn oldest(reading: &Value, endpoint: &str) -> (i64, Option<Duration>, bool) {
    let row = row(reading, "requests", "endpoint", endpoint);
    let age = row["oldest_ms"].as_u64().map(Duration::from_millis);
    let is_at_least = row["oldest_is_at_least"].as_bool().expect("a truth value");
    (number(row, "/active"), age, is_at_least)
}

/// Checks the age of a request that was sent at `sent`, of which `after` has passed before the
/// reading.
#[track_caller]
fn assert_age(age: Option<Duration>, sent: Instant, after: Duration) {
    let age = age.expect("a request is in flight");
    let rounded = Duration::from_millis(1);
    assert!(age + rounded >= after && age <= sent.elapsed(), "{age:?} {after:?}");
}

#[tokio::test]
async fn oldest_request_is_the_one_in_flight_that_arrived_first() {
    let metrics = metrics();
    let app = app(&metrics);
    let mut events = Events::open(&app).await;
    events.next("describe").await;
    events.reading().await;

    let mut first = Box::pin(get(&app, "/slow"));
    let first_sent = start(&mut first.as_mut()).await;
    // The next reading is up to a second away, so that both ages differ.
    events.reading().await;
    let mut second = pin!(get(&app, "/slow"));
    let second_sent = start(&mut second).await;
    let waited = first_sent.elapsed();
    let (active, age, is_at_least) = oldest(&events.reading().await, "/slow");
    assert_eq!((active, is_at_least), (2, false));
    assert_age(age, first_sent, waited);

    drop(first);
    let (active, age, is_at_least) = oldest(&events.reading().await, "/slow");
    assert_eq!((active, is_at_least), (1, false));
    assert_age(age, second_sent, Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn request_from_before_the_page_is_at_least_as_old_as_the_watch() {
    let metrics = metrics();
    let app = app(&metrics);
    let mut request = Box::pin(get(&app, "/slow"));
    start(&mut request.as_mut()).await;
    let mut events = Events::open(&app).await;
    events.next("describe").await;
    let opened = Instant::now();
    let (active, age, is_at_least) = oldest(&events.reading().await, "/slow");
    assert_eq!((active, age.is_some(), is_at_least), (1, true, true));
    let mut later = pin!(get(&app, "/slow"));
    start(&mut later).await;
    let (active, age, is_at_least) = oldest(&events.reading().await, "/slow");
    assert_eq!((active, is_at_least), (2, true));
    assert!(age >= Some(opened.elapsed().saturating_sub(Duration::from_millis(5))), "{age:?}");
    drop(request);
    let (active, age, is_at_least) = oldest(&events.reading().await, "/slow");
    assert_eq!((active, age.is_some(), is_at_least), (1, true, false));
}

#[tokio::test(start_paused = true)]
async fn requests_are_kept_at_the_endpoint_where_they_are_active() {
    let metrics = metrics();
    let app = app(&metrics);
    let mut events = Events::open(&app).await;
    events.next("describe").await;
    let mut named = pin!(get(&app, "/named"));
    start(&mut named).await;
    let mut unmatched = pin!(get(&app, "/somewhere"));
    start(&mut unmatched).await;
    // The body is open although the handler has responded.
    let response = send(&app, Method::GET, "/chunks").await;
    // The second scrape is not recorded from its begin on.
    get(&app, "/metrics").await;
    get(&app, "/metrics").await;
    events.reading().await;
    let reading = events.reading().await;
    for (endpoint, active) in [("named", 1), ("unmatched", 1), ("/chunks", 1)] {
        let (number, age, is_at_least) = oldest(&reading, endpoint);
        assert_eq!((number, age.is_some(), is_at_least), (active, true, false), "{endpoint}");
    }
    drop(response);
    assert_eq!(oldest(&events.reading().await, "/chunks"), (0, None, false));
}

#[tokio::test(start_paused = true)]
async fn requests_are_kept_again_when_the_page_is_opened_again() {
    let metrics = metrics();
    let app = app(&metrics);
    for _ in 0..2 {
        let mut events = Events::open(&app).await;
        events.next("describe").await;
        events.reading().await;
        let mut request = pin!(get(&app, "/slow"));
        start(&mut request).await;
        let (active, age, is_at_least) = oldest(&events.reading().await, "/slow");
        assert_eq!((active, age.is_some(), is_at_least), (1, true, false));
    }
}
