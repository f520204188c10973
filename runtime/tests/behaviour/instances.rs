//! Several instances in one process, and the global instance, which records outside any request.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get as route_get;
use futures_util::{FutureExt, stream as streams};
use http_body_util::BodyExt;
use streamgauge::{
    Metrics, PrometheusLayer, Usage, instrument_endpoint, streaming_metrics, track_tokens,
};
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::{get, metrics, send, settled};

#[instrument_endpoint]
#[track_tokens(model = "small-1")]
async fn shared() -> (StatusCode, Counted) {
    (StatusCode::OK, Counted(Usage::new(2, 1)))
}

/// `Usage` does not implement `IntoResponse`.
struct Counted(Usage);

impl streamgauge::TokenUsage for Counted {
    fn token_usage(&self) -> Option<Usage> {
        Some(self.0)
    }
}

impl axum::response::IntoResponse for Counted {
    fn into_response(self) -> axum::response::Response {
        "used".into_response()
    }
}

#[tokio::test]
async fn instances_with_different_prefixes_do_not_mix() {
    let left = Metrics::builder().prefix("left").build().expect("valid");
    let right = Metrics::builder().prefix("right").build().expect("valid");
    let app = |metrics: &Metrics| {
        Router::new().route("/shared", route_get(shared)).layer(metrics.layer())
    };
    let (left_app, right_app) = (app(&left), app(&right));
    for _ in 0..2 {
        get(&left_app, "/shared").await;
    }
    get(&right_app, "/shared").await;
    for (metrics, prefix, other, requests) in
        [(&left, "left", "right", 2), (&right, "right", "left", 1)]
    {
        let scrape = Scrape::of(metrics);
        let labels = [("endpoint", "/shared")];
        assert_eq!(scrape.sum(&format!("{prefix}_http_requests_total"), &labels), requests);
        assert_eq!(scrape.sum(&format!("{prefix}_token_usage_total"), &labels), 3 * requests);
        assert!(!metrics.encode_text().expect("the page encodes").contains(&format!("{other}_")));
    }
}

#[tokio::test]
async fn instances_running_concurrently_count_separately() {
    let tasks = (1..=20).map(|requests: i64| {
        tokio::spawn(async move {
            let metrics = Metrics::builder().build().expect("valid");
            let app = Router::new().route("/shared", route_get(shared)).layer(metrics.layer());
            for _ in 0..requests {
                get(&app, "/shared").await;
            }
            let counted = Scrape::of(&metrics)
                .sum("app_http_requests_total", &[("endpoint", "/shared"), ("status", "200")]);
            assert_eq!(counted, requests);
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("the counts of every instance are right");
    }
}

/// The global instance is shared by all tests. No other test calls these functions.
#[tokio::test]
async fn global_instance_records_functions_outside_any_request() {
    #[instrument_endpoint(method = "POST")]
    async fn job_of_this_test(fail: bool) -> Result<u32, std::fmt::Error> {
        if fail { Err(std::fmt::Error) } else { Ok(1) }
    }

    #[instrument_endpoint]
    async fn abandoned_job_of_this_test() {
        std::future::pending::<()>().await;
    }

    #[instrument_endpoint]
    fn sync_job_of_this_test() -> StatusCode {
        StatusCode::NOT_FOUND
    }

    assert!(job_of_this_test(false).await.is_ok());
    assert!(job_of_this_test(true).await.is_err());
    assert!(abandoned_job_of_this_test().now_or_never().is_none());
    sync_job_of_this_test();
    let scrape = Scrape::of(Metrics::global());
    let job = [("endpoint", "job_of_this_test"), ("method", "POST")];
    assert_eq!(scrape.sum("app_http_requests_total", &[job[0], job[1], ("status", "200")]), 1);
    assert_eq!(scrape.sum("app_http_requests_total", &[job[0], job[1], ("status", "500")]), 1);
    assert_eq!(scrape.sum("app_exceptions_total", &[job[0], ("exception_type", "fmt::Error")]), 1);
    assert_eq!(scrape.sum("app_active_requests", &job), 0);
    let abandoned = [("endpoint", "abandoned_job_of_this_test"), ("status", "499")];
    assert_eq!(scrape.sum("app_http_requests_total", &abandoned), 1);
    let sync_job = [("endpoint", "sync_job_of_this_test"), ("status", "404")];
    assert_eq!(scrape.sum("app_http_requests_total", &sync_job), 1);
}

#[tokio::test]
async fn global_instance_is_the_default_of_the_layer() {
    let app = Router::new()
        .route("/only-here/{id}", route_get(|| async {}))
        .layer(PrometheusLayer::new());
    get(&app, "/only-here/1").await;
    let scrape = Scrape::of(Metrics::global());
    assert_eq!(scrape.sum("app_http_requests_total", &[("endpoint", "/only-here/{id}")]), 1);
}

#[test]
fn status_of_a_tuple_response_is_recorded_outside_any_request() {
    #[instrument_endpoint]
    fn parts_of_this_test() -> (StatusCode, HeaderMap, &'static str) {
        (StatusCode::CONFLICT, HeaderMap::new(), "taken")
    }

    #[instrument_endpoint]
    fn result_of_this_test() -> Result<(StatusCode, &'static str), std::fmt::Error> {
        Ok((StatusCode::CONFLICT, "taken"))
    }

    parts_of_this_test();
    assert!(result_of_this_test().is_ok());
    let scrape = Scrape::of(Metrics::global());
    for endpoint in ["parts_of_this_test", "result_of_this_test"] {
        let conflict = [("endpoint", endpoint), ("status", "409"), ("outcome", "client_error")];
        assert_eq!(scrape.sum("app_http_requests_total", &conflict), 1, "{endpoint}");
    }
}

#[tokio::test]
async fn stream_that_an_inner_instance_meters_is_no_latency_for_the_outer_one() {
    #[streaming_metrics]
    async fn lines() -> Response {
        let lines = streams::iter((0..3).map(|n| Ok::<_, Infallible>(format!("{n}\n"))));
        Body::from_stream(lines).into_response()
    }

    let [inner, outer] = [metrics(), metrics()];
    let app = Router::new().route("/", route_get(lines)).layer(inner.layer()).layer(outer.layer());
    let sent = Instant::now();
    let body = send(&app, Method::GET, "/").await.into_body();
    let head = sent.elapsed().as_secs_f64();
    body.collect().await.expect("the body does not fail");
    for instance in [&inner, &outer] {
        let seconds = settled(instance).amount("app_http_request_duration_seconds_sum", &[]);
        assert!(seconds <= head, "{seconds}, {head}");
    }
}

#[tokio::test]
async fn latency_of_the_outer_instance_includes_a_body_that_replaces_a_stream() {
    #[streaming_metrics]
    async fn lines() -> Response {
        Body::from_stream(streams::pending::<Result<Bytes, Infallible>>()).into_response()
    }

    const OPEN: Duration = Duration::from_millis(20);
    let [inner, outer] = [metrics(), metrics()];
    let replace = axum::middleware::map_response(async |_: Response| {
        Body::from_stream(streams::iter([Ok::<_, Infallible>("slow")]))
    });
    let routes = Router::new().route("/", route_get(lines)).layer(inner.layer());
    let app = routes.layer(replace).layer(outer.layer());
    let body = send(&app, Method::GET, "/").await.into_body();
    std::thread::sleep(OPEN);
    body.collect().await.expect("the body does not fail");
    let seconds = settled(&outer).amount("app_http_request_duration_seconds_sum", &[]);
    assert!(seconds >= OPEN.as_secs_f64(), "{seconds}");
}
