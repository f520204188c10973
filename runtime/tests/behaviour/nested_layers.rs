//! Nested layers around one request: layers of one instance count it once, layers of two instances
//! count it in both.

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

/// Sends a request to each route and to an unmatched path, and checks that each is counted once.
async fn assert_once(metrics: &Metrics, app: Router, prefix: &str) {
    for path in ["/annotated/1", "/plain/1", "/nope"] {
        get(&app, &format!("{prefix}{path}")).await;
    }
    let upload = Body::from_stream(futures_util::stream::iter([Ok::<_, std::io::Error>("12345")]));
    let upload =
        Request::post(format!("{prefix}/echo")).body(upload).expect("the request is well formed");
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
async fn nested_layers_on_one_router_count_once() {
    let metrics = metrics();
    let app = routes().layer(metrics.layer()).layer(metrics.layer());
    assert_once(&metrics, app, "").await;
}

#[tokio::test]
async fn nested_clones_of_one_layer_count_once() {
    let metrics = metrics();
    let layer = metrics.layer();
    assert_once(&metrics, routes().layer(layer.clone()).layer(layer), "").await;
}

#[tokio::test]
async fn nested_layers_three_deep_count_once() {
    let metrics = metrics();
    let layer = || metrics.layer();
    assert_once(&metrics, routes().layer(layer()).layer(layer()).layer(layer()), "").await;
}

#[tokio::test]
async fn nested_layers_count_once_when_the_request_changes_between_them() {
    let metrics = metrics();
    let between = |mut request: Request<Body>| {
        let uri = request.uri().to_string();
        *request.uri_mut() = uri.parse::<Uri>().expect("the URI is still valid");
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
async fn nested_layers_on_inner_and_outer_router_count_once() {
    let metrics = metrics();
    let app = Router::new().nest("/api", routes().layer(metrics.layer())).layer(metrics.layer());
    assert_once(&metrics, app, "/api").await;
}

#[tokio::test]
async fn nested_layers_around_a_service_record_its_routes() {
    let metrics = metrics();
    let service = metrics.layer().layer(routes().layer(metrics.layer()));
    assert_once(&metrics, Router::new().fallback_service(service), "").await;
}

#[tokio::test]
async fn nested_clones_inside_and_around_a_service_count_once() {
    let metrics = metrics();
    let layer = metrics.layer();
    let service = layer.layer(routes().layer(layer.clone()));
    assert_once(&metrics, Router::new().fallback_service(service), "").await;
}

#[tokio::test]
async fn nested_layers_of_two_instances_count_in_both() {
    let left = metrics();
    let right = Metrics::builder().prefix("right").build().expect("valid");
    let app = routes().layer(left.layer()).layer(right.layer());
    get(&app, "/plain/1").await;
    assert_eq!(settled(&left).sum("app_http_requests_total", &[]), 1);
    assert_eq!(Scrape::of(&right).sum("right_http_requests_total", &[]), 1);
    assert_eq!(Scrape::of(&right).sum("right_active_requests", &[]), 0);
}

#[tokio::test]
async fn inner_request_to_another_path_is_counted_separately() {
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
async fn inner_request_to_the_same_path_is_counted_separately() {
    let metrics = metrics();
    let inner = routes().layer(metrics.layer());
    let app = Router::new()
        .route("/plain/{id}", route_get(move || async move { get(&inner, "/plain/1").await.1 }))
        .layer(metrics.layer());
    assert_eq!(get(&app, "/plain/1").await.1, "plain");
    assert_eq!(settled(&metrics).sum("app_http_requests_total", &[]), 2);
}

#[tokio::test]
async fn single_layer_adds_no_request_extension() {
    async fn extensions(request: Request<Body>) -> String {
        request.extensions().len().to_string()
    }
    let router = Router::new().route("/", route_get(extensions));
    let recorded = router.clone().layer(metrics().layer());
    assert_eq!(get(&router, "/").await, get(&recorded, "/").await);
    let global = router.layer(PrometheusLayer::new());
    assert_eq!(get(&global, "/").await.0, 200);
}
