use axum::Router;
use axum::http::{Method, StatusCode};
use axum::routing::{get, post};
use streamgauge::{instrument_endpoint, metrics_endpoint};
use streamgauge_test_support::{client, page_of};

use crate::pages::{assert_has_program, assert_shows_page, instance, request};

const CHAPTER: &str = include_str!("../../../docs/getting-started.md");

programs! { shop orders export describe }

#[tokio::test]
async fn getting_started_shows_the_page_of_the_layer() {
    let metrics = instance("shop");
    let app = shop::router(&metrics);
    request(&app, &[(Method::GET, "/items/1"), (Method::GET, "/items/2")]).await;
    assert_has_program(CHAPTER, shop::TEXT);
    assert_shows_page(CHAPTER, "## The layer", &metrics);
}

#[tokio::test]
async fn getting_started_shows_the_page_of_errors() {
    let metrics = instance("shop");
    let app = orders::router(&metrics);
    for path in ["/items/1/order", "/items/2/order", "/items/9/order", "/items/one/order"] {
        request(&app, &[(Method::POST, path)]).await;
    }
    assert_has_program(CHAPTER, orders::TEXT);
    assert_shows_page(CHAPTER, "### Errors", &metrics);
}

#[tokio::test]
async fn getting_started_shows_the_page_of_streams() {
    let metrics = instance("shop");
    request(&export::router(&metrics), &[(Method::GET, "/export")]).await;
    assert_has_program(CHAPTER, export::TEXT);
    assert_shows_page(CHAPTER, "### Streams", &metrics);
}

#[tokio::test]
async fn getting_started_shows_the_page_of_tokens() {
    let metrics = instance("shop");
    request(&describe::router(&metrics), &[(Method::GET, "/items/1/description")]).await;
    assert_has_program(CHAPTER, describe::TEXT);
    assert_shows_page(CHAPTER, "### Tokens", &metrics);
}

#[tokio::test]
async fn attributes_record_in_the_inner_of_two_instances() {
    let (inner, outer) = (instance("inner"), instance("outer"));
    let app = orders::router(&inner).layer(outer.layer());
    request(&app, &[(Method::POST, "/items/2/order")]).await;
    assert!(page_of(&inner).contains("inner_exceptions_total{"));
    let page = page_of(&outer);
    assert!(
        page.contains("outer_http_requests_total{") && !page.contains("outer_exceptions_total")
    );
}

#[tokio::test]
async fn page_outside_any_layer_shows_the_global_instance() {
    let metrics = instance("shop");
    let forgotten = Router::new()
        .route("/order", post(order))
        .route("/metrics", get(metrics_endpoint))
        .route("/own", get(metrics.endpoint()));
    request(&forgotten, &[(Method::POST, "/order")]).await;
    let page = client::get(&forgotten, "/metrics").await.1;
    let page = std::str::from_utf8(&page).expect("the page is UTF-8");
    let line = "app_http_requests_total{method=\"\",endpoint=\"order\",status=\"409\",\
                outcome=\"client_error\"} 1\n";
    assert!(page.contains(line), "{page}");
    assert_eq!(client::get(&forgotten, "/own").await.1, "");
}

#[instrument_endpoint]
async fn order() -> StatusCode {
    StatusCode::CONFLICT
}
