//! The label of a request: the template of the route that took it.

use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, Response, StatusCode};
use axum::routing::{any, get as route_get, post};
use streamgauge::instrument_endpoint;
use streamgauge_test_support::client::{get, metrics, send, settled};
use tower::service_fn;

async fn done() -> &'static str {
    "done"
}

#[instrument_endpoint]
async fn annotated() -> &'static str {
    "annotated"
}

/// The endpoint that a request for a path is counted under; the layer is around all routes.
async fn endpoint(router: Router, method: Method, path: &str) -> String {
    let metrics = metrics();
    drop(send(&router.layer(metrics.layer()), method, path).await);
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_http_requests_total", &[]), 1, "{path}");
    let endpoints = scrape.values("app_http_requests_total", "endpoint");
    let counted = endpoints
        .into_iter()
        .filter(|endpoint| scrape.sum("app_http_requests_total", &[("endpoint", endpoint)]) == 1);
    counted.collect()
}

/// The endpoint of a `GET`.
async fn of(router: Router, path: &str) -> String {
    endpoint(router, Method::GET, path).await
}

fn items() -> Router {
    Router::new().route("/items/{id}", route_get(done)).route("/", route_get(done))
}

#[tokio::test]
async fn a_route_is_labelled_with_its_template() {
    assert_eq!(of(items(), "/items/7").await, "/items/{id}");
    assert_eq!(of(items(), "/").await, "/");
    assert_eq!(of(items(), "/items/%22%0A?q=1").await, "/items/{id}");
}

#[tokio::test]
async fn a_wildcard_is_labelled_with_its_template() {
    let router = Router::new().route("/files/{*rest}", route_get(done));
    assert_eq!(of(router, "/files/a/b/c").await, "/files/{*rest}");
}

#[tokio::test]
async fn nested_and_merged_routes_have_their_whole_template() {
    let inner = Router::new()
        .nest("/users/{user}", items())
        .merge(Router::new().nest("/v2", Router::new().merge(items())));
    let router = || Router::new().nest("/api", inner.clone()).merge(items());
    assert_eq!(of(router(), "/api/users/1/items/2").await, "/api/users/{user}/items/{id}");
    assert_eq!(of(router(), "/api/v2/items/2").await, "/api/v2/items/{id}");
    assert_eq!(of(router(), "/items/2").await, "/items/{id}");
}

#[tokio::test]
async fn a_nested_service_without_routes_is_unmatched() {
    let service = service_fn(|_: Request<Body>| async {
        Ok::<_, Infallible>(Response::new(Body::from("x")))
    });
    let router = Router::new().nest_service("/svc", service);
    assert_eq!(of(router, "/svc/anything").await, "unmatched");
}

#[tokio::test]
async fn a_nested_service_with_a_layer_of_its_own_has_its_whole_template() {
    let metrics = metrics();
    let app =
        Router::new().nest_service("/svc", items().layer(metrics.layer())).layer(metrics.layer());
    for id in 0..3 {
        assert_eq!(get(&app, &format!("/svc/items/{id}")).await.1, "done");
    }
    get(&app, "/svc/nope").await;
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_http_requests_total", &[("endpoint", "/svc/items/{id}")]), 3);
    assert_eq!(scrape.sum("app_http_requests_total", &[("endpoint", "unmatched")]), 1);
    assert_eq!(scrape.sum("app_http_requests_total", &[]), 4);
}

#[tokio::test]
async fn an_annotated_handler_of_a_nested_service_gives_its_name() {
    let service = Router::new().route("/items/{id}", route_get(annotated));
    assert_eq!(of(Router::new().nest_service("/svc", service), "/svc/items/1").await, "annotated");
}

#[tokio::test]
async fn what_no_route_takes_is_unmatched_whoever_answers() {
    let own = || items().fallback(|| async { StatusCode::NOT_FOUND });
    let nested = || Router::new().nest("/api", own());
    assert_eq!(of(items(), "/nope/1").await, "unmatched");
    assert_eq!(of(own(), "/nope/1").await, "unmatched");
    assert_eq!(of(nested(), "/api/nope/1").await, "unmatched");
    assert_eq!(of(nested(), "/nope").await, "unmatched");
}

#[tokio::test]
async fn a_method_that_the_route_does_not_take_keeps_the_template() {
    assert_eq!(endpoint(items(), Method::POST, "/items/1").await, "/items/{id}");
    let router = items().method_not_allowed_fallback(|| async { StatusCode::METHOD_NOT_ALLOWED });
    assert_eq!(endpoint(router, Method::DELETE, "/items/1").await, "/items/{id}");
    let nested = Router::new().nest("/api", items());
    assert_eq!(endpoint(nested, Method::PUT, "/api/items/1").await, "/api/items/{id}");
}

#[tokio::test]
async fn every_known_method_has_its_own_label() {
    let metrics = metrics();
    let app = Router::new().route("/any", any(done)).layer(metrics.layer());
    let known = ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"];
    for method in known {
        drop(send(&app, method.parse().expect("a method"), "/any").await);
    }
    let scrape = settled(&metrics);
    for method in known {
        let labels = [("method", method), ("endpoint", "/any")];
        assert_eq!(scrape.sum("app_http_requests_total", &labels), 1, "{method}");
    }
}

#[tokio::test]
async fn routes_of_one_path_in_two_routers_are_one_endpoint() {
    let router = Router::new().route("/both", route_get(done)).route("/both", post(done));
    assert_eq!(of(router.clone(), "/both").await, "/both");
    assert_eq!(endpoint(router, Method::POST, "/both").await, "/both");
}
