use axum::Router;
use axum::http::{Method, StatusCode};
use axum::response::Redirect;
use axum::routing::get as route_get;
use streamgauge::{Metrics, Usage, instrument_endpoint, track_detailed_exception, track_tokens};
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::metrics;

use crate::pages::request;

#[tokio::test]
async fn redirects_of_tracked_functions_are_truncated_replies() {
    #[track_tokens(protocol = "openai")]
    async fn moved() -> Redirect {
        Redirect::to("/elsewhere")
    }
    let metrics = metrics();
    let app = Router::new().route("/", route_get(moved)).layer(metrics.layer());
    request(&app, &[(Method::GET, "/")]).await;
    let scrape = Scrape::of(&metrics);
    assert_eq!(scrape.values("app_llm_call_duration_seconds_count", "outcome"), ["truncated"]);
}

#[tokio::test]
async fn errors_reported_and_returned_outside_a_request_count_twice() {
    #[derive(Debug)]
    struct ErrorOfThisTest;

    #[instrument_endpoint]
    async fn job() -> Result<(), ErrorOfThisTest> {
        track_detailed_exception(&ErrorOfThisTest, StatusCode::CONFLICT);
        Err(ErrorOfThisTest)
    }

    assert!(job().await.is_err());
    let scrape = Scrape::of(Metrics::global());
    let error = [("exception_type", "ErrorOfThisTest")];
    assert_eq!(scrape.sum("app_exceptions_total", &error), 2);
}

#[tokio::test]
async fn layers_with_another_instance_between_them_count_a_request_twice() {
    let (metrics, between) = (metrics(), metrics());
    let app = Router::new().route("/", route_get(|| async {}));
    let app = app.layer(metrics.layer()).layer(between.layer()).layer(metrics.layer());
    request(&app, &[(Method::GET, "/")]).await;
    assert_eq!(Scrape::of(&metrics).sum("app_http_requests_total", &[]), 2);
    assert_eq!(Scrape::of(&between).sum("app_http_requests_total", &[]), 1);
}

#[tokio::test]
async fn usage_that_a_function_adds_to_that_of_an_inner_call_counts_twice() {
    #[track_tokens]
    async fn inner() -> Usage {
        Usage::new(10, 1)
    }

    #[track_tokens]
    async fn outer() -> Usage {
        inner().await;
        Usage::new(10 + 5, 1 + 2)
    }

    let metrics = metrics();
    let handler = || async {
        outer().await;
    };
    let app = Router::new().route("/", route_get(handler)).layer(metrics.layer());
    request(&app, &[(Method::GET, "/")]).await;
    let input = [("token_type", "input")];
    assert_eq!(Scrape::of(&metrics).sum("app_token_usage_total", &input), 10 + 15);
}
