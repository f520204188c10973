//! The viewers of the page, which share one reading a second.

use std::time::Duration;

use axum::Router;
use axum::http::{Method, StatusCode, header};
use axum::routing::get as route_get;
use http_body_util::BodyExt;
use streamgauge::Metrics;
use streamgauge_test_support::client::{get, metrics, send};
use tokio::time::{Instant, advance};

use super::{EVENTS, Events, number, row, with_live_page};

fn app(metrics: &Metrics) -> Router {
    with_live_page(Router::new().route("/items", route_get(|| async { "items" })), metrics)
}

async fn items_in_next_reading(events: &mut Events) -> i64 {
    number(row(&events.reading().await, "requests", "endpoint", "/items"), "/outcomes/success")
}

#[tokio::test(start_paused = true)]
async fn hundred_viewers_share_one_reading_a_second() {
    let metrics = Metrics::builder().max_viewers(100).build().expect("the setting is valid");
    let app = app(&metrics);
    let mut viewers = Vec::new();
    for _ in 0..100 {
        let mut events = Events::open(&app).await;
        events.next("describe").await;
        events.next("reading").await;
        viewers.push(events);
        advance(Duration::from_millis(3)).await;
    }
    for second in 1..=5 {
        get(&app, "/items").await;
        let (first, others) = viewers.split_first_mut().expect("a hundred viewers");
        let shared = first.next("reading").await;
        // A reading that is made after this request differs from the shared one.
        get(&app, "/items").await;
        for viewer in others {
            assert_eq!(viewer.next("reading").await, shared);
        }
        let reading = serde_json::from_str(&shared).expect("a reading is JSON");
        let items = row(&reading, "requests", "endpoint", "/items");
        assert_eq!(number(items, "/outcomes/success"), 2 * second - 1);
    }
}

#[tokio::test(start_paused = true)]
async fn viewers_beyond_the_limit_are_refused_until_one_leaves() {
    let app = app(&metrics());
    let mut viewers = Vec::new();
    for _ in 0..16 {
        viewers.push(Events::open(&app).await);
    }
    for _ in 0..2 {
        let refused = send(&app, Method::GET, EVENTS).await;
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refused.headers()[header::RETRY_AFTER], "5");
    }
    let head = send(&app, Method::HEAD, EVENTS).await;
    assert_eq!(head.status(), StatusCode::OK, "the headers need no place");
    viewers.pop();
    viewers.push(Events::open(&app).await);
    assert_eq!(send(&app, Method::GET, EVENTS).await.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test(start_paused = true)]
async fn viewers_that_never_read_lose_their_places_to_others() {
    let app = app(&metrics());
    let mut idle = Vec::new();
    for _ in 0..16 {
        idle.push(Events::open(&app).await);
    }
    advance(Duration::from_secs(10)).await;
    let mut viewer = Events::open(&app).await;
    viewer.next("describe").await;
    viewer.next("reading").await;
    idle[0].next("describe").await;
    assert!(idle[0].body.frame().await.is_none(), "the first one has lost its place");
    idle[1].next("describe").await;
    idle[1].next("reading").await;
}

#[tokio::test(start_paused = true)]
async fn two_live_pages_of_one_instance_share_their_viewers() {
    let metrics = Metrics::builder().max_viewers(1).build().expect("the setting is valid");
    let one = app(&metrics);
    let other = app(&metrics);
    let _viewer = Events::open(&one).await;
    assert_eq!(send(&other, Method::GET, EVENTS).await.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test(start_paused = true)]
async fn viewer_gets_a_reading_at_once_and_then_each_second() {
    let app = app(&metrics());
    let start = Instant::now();
    let mut events = Events::open(&app).await;
    events.next("describe").await;
    for second in 0..4 {
        events.next("reading").await;
        assert_eq!(start.elapsed().as_secs(), second);
    }
}

#[tokio::test(start_paused = true)]
async fn viewer_that_has_not_read_gets_the_newest_reading_only() {
    let app = app(&metrics());
    get(&app, "/items").await;
    let (mut slow, mut fast) = (Events::open(&app).await, Events::open(&app).await);
    for events in [&mut slow, &mut fast] {
        events.next("describe").await;
        assert_eq!(items_in_next_reading(events).await, 1);
    }
    for items in 2..20 {
        get(&app, "/items").await;
        assert_eq!(items_in_next_reading(&mut fast).await, items);
    }
    let start = Instant::now();
    assert_eq!(items_in_next_reading(&mut slow).await, 19);
    assert_eq!(start.elapsed(), Duration::ZERO, "the newest reading is due already");
    get(&app, "/items").await;
    assert_eq!(items_in_next_reading(&mut slow).await, 20);
    assert_eq!(start.elapsed().as_secs(), 1, "the others are left out");
}

#[tokio::test(start_paused = true)]
async fn reading_is_not_kept_without_viewers() {
    let app = app(&metrics());
    for items in 1..4 {
        // Within one second, so that a reading that was kept would be sent again.
        get(&app, "/items").await;
        let reading = Events::first_reading(&app).await;
        let row = row(&reading, "requests", "endpoint", "/items");
        assert_eq!(number(row, "/outcomes/success"), items);
    }
}
