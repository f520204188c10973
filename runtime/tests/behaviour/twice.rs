//! Two layers around one request: of one instance, which counts it once, and of two.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Request, Uri};
use axum::routing::{get as route_get, post};
use streamgauge::{Metrics, PrometheusLayer, instrument_endpoint};
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::{get, metrics, settled};
use tower::{Layer, ServiceBuilder, ServiceExt};

#[instrument_endpoint]
async fn annotated() -> &'static str {
    "annotated"
}

fn routes() -> Router {
    Router::new()
        .route("/annotated/{id}", route_get(annotated))
        .route("/plain/{id}", route_get(|| async { "plain" }))
        .route("/echo", post(|body: Bytes| async { body }))
}

/// Sends one request of each kind, and expects each to be counted once.
async fn assert_once(metrics: &Metrics, app: Router, prefix: &str) {
    for path in ["/annotated/1", "/plain/1", "/nope"] {
        get(&app, &format!("{prefix}{path}")).await;
    }
    let upload = Body::from_stream(futures_util::stream::iter([Ok::<_, std::io::Error>("12345")]));
    let upload = Request::post(format!("{prefix}/echo")).body(upload).expect("it is well formed");
    app.oneshot(upload).await.expect("a router does not fail");
    let scrape = settled(metrics);
    for endpoint in ["/annotated/{id}", "/plain/{id}", "/echo"] {
        let labels = [("endpoint", &*format!("{prefix}{endpoint}"))];
        assert_eq!(scrape.sum("app_http_requests_total", &labels), 1, "{endpoint}");
    }
    assert_eq!(scrape.sum("app_http_requests_total", &[("endpoint", "unmatched")]), 1);
    assert_eq!(scrape.sum("app_http_requests_total", &[]), 4);
    assert_eq!(scrape.sum("app_request_size_bytes_sum", &[]), 5);
}

#[tokio::test]
async fn two_layers_on_a_router_count_once() {
    let metrics = metrics();
    let app = routes().layer(metrics.layer()).layer(metrics.layer());
    assert_once(&metrics, app, "").await;
}

#[tokio::test]
async fn one_layer_that_is_used_twice_counts_once() {
    let metrics = metrics();
    let layer = metrics.layer();
    assert_once(&metrics, routes().layer(layer.clone()).layer(layer), "").await;
}

#[tokio::test]
async fn three_layers_count_once() {
    let metrics = metrics();
    let layer = || metrics.layer();
    assert_once(&metrics, routes().layer(layer()).layer(layer()).layer(layer()), "").await;
}

#[tokio::test]
async fn what_is_changed_between_two_layers_does_not_hide_the_request() {
    let metrics = metrics();
    let between = |mut request: Request<Body>| {
        let uri = request.uri().to_string();
        *request.uri_mut() = uri.parse::<Uri>().expect("it was one");
        request.headers_mut().insert("x-request-id", HeaderValue::from_static("7"));
        request
    };
    let app = routes()
        .layer(metrics.layer())
        .layer(ServiceBuilder::new().map_request(between))
        .layer(metrics.layer());
    assert_once(&metrics, app, "").await;
}

#[tokio::test]
async fn a_layer_on_a_nested_router_and_one_outside_count_once() {
    let metrics = metrics();
    let app = Router::new().nest("/api", routes().layer(metrics.layer())).layer(metrics.layer());
    assert_once(&metrics, app, "/api").await;
}

#[tokio::test]
async fn around_a_service_that_has_one_inside_the_routes_are_known() {
    let metrics = metrics();
    let service = metrics.layer().layer(routes().layer(metrics.layer()));
    assert_once(&metrics, Router::new().fallback_service(service), "").await;
}

#[tokio::test]
async fn a_cloned_layer_inside_and_around_counts_once() {
    let metrics = metrics();
    let layer = metrics.layer();
    let service = layer.layer(routes().layer(layer.clone()));
    assert_once(&metrics, Router::new().fallback_service(service), "").await;
}

#[tokio::test]
async fn layers_of_two_instances_count_in_both() {
    let left = metrics();
    let right = Metrics::builder().prefix("right").build().expect("valid");
    let app = routes().layer(left.layer()).layer(right.layer());
    get(&app, "/plain/1").await;
    assert_eq!(settled(&left).sum("app_http_requests_total", &[]), 1);
    assert_eq!(Scrape::of(&right).sum("right_http_requests_total", &[]), 1);
    assert_eq!(Scrape::of(&right).sum("right_active_requests", &[]), 0);
}

#[tokio::test]
async fn a_router_that_calls_itself_counts_every_request() {
    let metrics = metrics();
    let layer = metrics.layer();
    let inner = routes().layer(layer.clone());
    let app = Router::new()
        .route("/outer", route_get(move || async move { get(&inner, "/plain/1").await.1 }));
    let app = app.layer(layer);
    for _ in 0..3 {
        assert_eq!(get(&app, "/outer").await.1, "plain");
    }
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_http_requests_total", &[("endpoint", "/outer")]), 3);
    assert_eq!(scrape.sum("app_http_requests_total", &[("endpoint", "/plain/{id}")]), 3);
}

#[tokio::test]
async fn a_request_of_the_same_path_made_by_a_handler_is_another_one() {
    let metrics = metrics();
    let inner = routes().layer(metrics.layer());
    let app = Router::new()
        .route("/plain/{id}", route_get(move || async move { get(&inner, "/plain/1").await.1 }))
        .layer(metrics.layer());
    assert_eq!(get(&app, "/plain/1").await.1, "plain");
    assert_eq!(settled(&metrics).sum("app_http_requests_total", &[]), 2);
}

#[tokio::test]
async fn a_request_that_passes_one_layer_carries_no_mark() {
    async fn extensions(request: Request<Body>) -> String {
        request.extensions().len().to_string()
    }
    let router = Router::new().route("/", route_get(extensions));
    let recorded = router.clone().layer(metrics().layer());
    assert_eq!(get(&router, "/").await, get(&recorded, "/").await);
    let global = router.layer(PrometheusLayer::new());
    assert_eq!(get(&global, "/").await.0, 200);
}
