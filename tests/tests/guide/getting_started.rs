use axum::http::Method;

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
