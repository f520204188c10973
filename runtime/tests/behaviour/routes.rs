//! The endpoint label of a request: the template of the matched route.

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

/// Returns the endpoint under which a request is counted by a layer around all routes.
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

/// Returns the endpoint under which a `GET` request is counted.
async fn get_endpoint(router: Router, path: &str) -> String {
    endpoint(router, Method::GET, path).await
}

fn items() -> Router {
    Router::new().route("/items/{id}", route_get(done)).route("/", route_get(done))
}

#[tokio::test]
async fn route_template_is_the_endpoint() {
    assert_eq!(get_endpoint(items(), "/items/7").await, "/items/{id}");
    assert_eq!(get_endpoint(items(), "/").await, "/");
    assert_eq!(get_endpoint(items(), "/items/%22%0A?q=1").await, "/items/{id}");
}

#[tokio::test]
async fn wildcard_template_is_the_endpoint() {
    let router = Router::new().route("/files/{*rest}", route_get(done));
    assert_eq!(get_endpoint(router, "/files/a/b/c").await, "/files/{*rest}");
}

#[tokio::test]
async fn nested_and_merged_routes_have_the_full_template() {
    let inner = Router::new()
        .nest("/users/{user}", items())
        .merge(Router::new().nest("/v2", Router::new().merge(items())));
    let router = || Router::new().nest("/api", inner.clone()).merge(items());
    assert_eq!(
        get_endpoint(router(), "/api/users/1/items/2").await,
        "/api/users/{user}/items/{id}"
    );
    assert_eq!(get_endpoint(router(), "/api/v2/items/2").await, "/api/v2/items/{id}");
    assert_eq!(get_endpoint(router(), "/items/2").await, "/items/{id}");
}

/// The allocator often places the template of the next route where that of the last one was.
#[tokio::test]
async fn route_has_its_own_endpoint_after_another_router_is_dropped() {
    let metrics = metrics();
    for number in 10..60 {
        let router = Router::new().route(&format!("/route-{number}"), route_get(done));
        get(&router.layer(metrics.layer()), &format!("/route-{number}")).await;
        // Each request to a nested service has a template of its own.
        let inner = Router::new().route(&format!("/{number}"), route_get(done));
        let router = Router::new().nest_service("/nested", inner.layer(metrics.layer()));
        for _ in 0..number {
            get(&router, &format!("/nested/{number}")).await;
        }
    }
    let scrape = settled(&metrics);
    for number in 10..60 {
        let requests =
            |endpoint: &str| scrape.sum("app_http_requests_total", &[("endpoint", endpoint)]);
        assert_eq!(requests(&format!("/route-{number}")), 1);
        assert_eq!(requests(&format!("/nested/{number}")), number);
    }
}

#[tokio::test]
async fn nested_service_without_routes_is_unmatched() {
    let service = service_fn(|_: Request<Body>| async {
        Ok::<_, Infallible>(Response::new(Body::from("x")))
    });
    let router = Router::new().nest_service("/svc", service);
    assert_eq!(get_endpoint(router, "/svc/anything").await, "unmatched");
}

#[tokio::test]
async fn nested_service_with_its_own_layer_has_the_full_template() {
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
async fn nested_service_takes_the_endpoint_from_an_annotated_handler() {
    let service = Router::new().route("/items/{id}", route_get(annotated));
    assert_eq!(
        get_endpoint(Router::new().nest_service("/svc", service), "/svc/items/1").await,
        "annotated"
    );
}

#[tokio::test]
async fn fallback_has_the_endpoint_unmatched() {
    let with_fallback = || items().fallback(|| async { StatusCode::NOT_FOUND });
    let nested = || Router::new().nest("/api", with_fallback());
    assert_eq!(get_endpoint(items(), "/nope/1").await, "unmatched");
    assert_eq!(get_endpoint(with_fallback(), "/nope/1").await, "unmatched");
    assert_eq!(get_endpoint(nested(), "/api/nope/1").await, "unmatched");
    assert_eq!(get_endpoint(nested(), "/nope").await, "unmatched");
}

/// The next axum serves fallbacks through routes with these templates.
#[tokio::test]
async fn route_that_axum_adds_for_a_fallback_is_unmatched() {
    const FALLBACK: &str = "/{*__private__axum_fallback}";
    let inner = Router::new().route(FALLBACK, route_get(done)).route("/a", route_get(done));
    assert_eq!(get_endpoint(inner.clone(), "/nope/1").await, "unmatched");
    assert_eq!(get_endpoint(inner.clone(), "/a").await, "/a");
    let nested = Router::new().nest("/api/{version}", inner.clone());
    assert_eq!(get_endpoint(nested.clone(), "/api/v1/nope").await, "unmatched");
    assert_eq!(get_endpoint(nested, "/api/v1/a").await, "/api/{version}/a");
    let service = Router::new().nest_service("/svc", inner);
    assert_eq!(get_endpoint(service, "/svc/nope").await, "unmatched");
    // Only a parameter of axum's is private.
    for template in ["/{*private}", "/{__private__axum}", "/__private__axum_fallback"] {
        let router = Router::new().route(template, route_get(done));
        assert_eq!(get_endpoint(router, "/__private__axum_fallback").await, template);
    }
}

#[tokio::test]
async fn route_that_axum_adds_for_a_fallback_is_unmatched_in_a_nested_service_with_a_layer() {
    let metrics = metrics();
    let inner = Router::new().route("/{*__private__axum_fallback}", route_get(done));
    let app =
        Router::new().nest_service("/svc", inner.layer(metrics.layer())).layer(metrics.layer());
    get(&app, "/svc/nope").await;
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_http_requests_total", &[("endpoint", "unmatched")]), 1);
    assert_eq!(scrape.sum("app_http_requests_total", &[]), 1);
}

#[tokio::test]
async fn method_not_allowed_keeps_the_template() {
    assert_eq!(endpoint(items(), Method::POST, "/items/1").await, "/items/{id}");
    let router = items().method_not_allowed_fallback(|| async { StatusCode::METHOD_NOT_ALLOWED });
    assert_eq!(endpoint(router, Method::DELETE, "/items/1").await, "/items/{id}");
    let nested = Router::new().nest("/api", items());
    assert_eq!(endpoint(nested, Method::PUT, "/api/items/1").await, "/api/items/{id}");
}

#[tokio::test]
async fn method_label_is_distinct_for_every_known_method() {
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
async fn routes_of_one_path_with_two_methods_are_one_endpoint() {
    let router = Router::new().route("/both", route_get(done)).route("/both", post(done));
    assert_eq!(get_endpoint(router.clone(), "/both").await, "/both");
    assert_eq!(endpoint(router, Method::POST, "/both").await, "/both");
}
