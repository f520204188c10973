//! The chapter about the ways to export metrics.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get as route_get;
use streamgauge::{Metrics, metrics_endpoint};
use streamgauge_test_support::client::get;

const CHAPTER: &str = include_str!("../../../docs/exporting.md");

#[tokio::test]
async fn exporting_page_of_one_family_matches_the_response() {
    let metrics = Metrics::builder().prefix("shop").build().expect("the settings are valid");
    let app: Router = Router::new()
        .route("/items/{id}", route_get(|| async { "an item" }))
        .route("/metrics", route_get(metrics_endpoint))
        .layer(metrics.layer());
    get(&app, "/items/7").await;
    let path = "/metrics?name[]=shop_http_requests_total";
    assert!(CHAPTER.contains(path));
    let (status, page) = get(&app, path).await;
    assert_eq!(status, StatusCode::OK);
    let page = String::from_utf8(page.to_vec()).expect("the page is text");
    assert!(CHAPTER.contains(&format!("```text\n{page}```\n")), "{page}");
}
