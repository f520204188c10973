use axum::http::Method;
use axum::routing::post;

use crate::pages::{assert_has_program, assert_shows_page, instance, request};

const README: &str = include_str!("../../../README.md");

programs! { quick_start }

/// The handler of the section on model calls, which has no router of its own.
mod model_call {
    include!("programs/model_call.rs");

    pub(super) fn router() -> axum::Router {
        axum::Router::new().route("/chat", super::post(chat))
    }
}

#[tokio::test]
async fn readme_shows_the_page_of_the_quick_start() {
    assert_has_program(README, quick_start::TEXT);
    let metrics = instance("shop");
    let app = quick_start::router(&metrics);
    for path in ["/items/7", "/items/700"] {
        assert!(README.contains(&format!("curl http://127.0.0.1:3000{path}\n")));
        request(&app, &[(Method::GET, path)]).await;
    }
    assert_shows_page(README, "## Quick start", &metrics);
}

#[tokio::test]
async fn readme_shows_the_page_of_the_model_call() {
    assert_has_program(README, include_str!("programs/model_call.rs"));
    let metrics = instance("app");
    request(&model_call::router().layer(metrics.layer()), &[(Method::POST, "/chat")]).await;
    assert_shows_page(README, "## Model calls", &metrics);
}
