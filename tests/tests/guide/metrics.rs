use axum::Router;
use axum::http::Method;
use axum::routing::get as route_get;
use prometheus::IntCounter;
use streamgauge::Metrics;
use streamgauge_test_support::page_of;

use crate::pages::{assert_shows_page, instance, request};

const CHAPTER: &str = include_str!("../../../docs/metrics.md");

#[tokio::test]
async fn metrics_chapter_shows_the_page_of_one_request() {
    let metrics = instance("app");
    let app = Router::new().route("/items/{id}", route_get(|| async { "a kettle\n" }));
    request(&app.layer(metrics.layer()), &[(Method::GET, "/items/1")]).await;
    assert_shows_page(CHAPTER, "## Names and formats", &metrics);
}

#[test]
fn metrics_of_the_application_have_neither_prefix_nor_constant_labels() {
    let metrics = Metrics::builder().prefix("shop").label("region", "eu").build();
    let metrics = metrics.expect("the settings are valid");
    let orders = IntCounter::new("orders_total", "Orders taken.").expect("the name is valid");
    metrics.registry().register(Box::new(orders)).expect("the name is free");
    assert!(page_of(&metrics).ends_with("\norders_total 0\n"));
    let taken = IntCounter::new("shop_request_tokens_count", "Taken.").expect("the name is valid");
    assert!(metrics.registry().register(Box::new(taken)).is_err());
}
