//! Request labels: their sources, their bounds, and the families that have them.

use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get as route_get;
use futures_util::{FutureExt, StreamExt, stream};
use streamgauge::{
    Metrics, MetricsBuilder, Price, RequestLabel, TokenUsage, Usage, instrument_endpoint,
    request_label, streaming_metrics, token_usage_context, track_detailed_exception, track_tokens,
    wrap_streaming_response,
};
use streamgauge_test_support::client::{get, settled};
use streamgauge_test_support::{Scrape, page_of};
use tower::ServiceExt;

#[instrument_endpoint]
async fn answer(Path(status): Path<u16>) -> Result<StatusCode, StatusCode> {
    let status = StatusCode::from_u16(status).expect("the number is a status");
    if status.is_success() { Ok(status) } else { Err(status) }
}

fn app(metrics: &Metrics) -> Router {
    Router::new().route("/answer/{status}", route_get(answer)).layer(metrics.layer())
}

fn with_label(label: RequestLabel) -> Metrics {
    Metrics::builder().request_label(label).build().expect("the label is valid")
}

async fn send_with(app: &Router, prepare: impl FnOnce(&mut Request)) {
    let mut request =
        Request::get("/answer/500").body(Body::empty()).expect("the request is well formed");
    prepare(&mut request);
    let response = app.clone().oneshot(request).await.expect("a router does not fail");
    let items = response.into_body().into_data_stream().count().await;
    assert!(items < 10);
}

async fn send_with_header(app: &Router, name: &'static str, value: &[u8]) {
    let value = HeaderValue::from_bytes(value).expect("the header value is valid");
    send_with(app, |request| {
        request.headers_mut().insert(name, value);
    })
    .await;
}

/// The values of a label of a family that have been counted, with their sums.
fn sums(scrape: &Scrape, family: &str, label: &str) -> Vec<(String, i64)> {
    let values = scrape.values(family, label).into_iter();
    values
        .map(|value| (value.to_owned(), scrape.sum(family, &[(label, value)])))
        .filter(|(_, sum)| *sum > 0)
        .collect()
}

fn expected<const N: usize>(sums: [(&str, i64); N]) -> Vec<(String, i64)> {
    sums.map(|(value, sum)| (value.to_owned(), sum)).to_vec()
}

#[tokio::test]
async fn request_label_from_a_header_exports_listed_values_only() {
    let metrics =
        with_label(RequestLabel::new("tier").from_header("X-Tier").values(["free", "paid"]));
    let app = app(&metrics);
    for value in ["free", "paid", "paid", "gold", "Free", "free ", "\u{ff}", ""] {
        send_with_header(&app, "x-tier", value.as_bytes()).await;
    }
    send_with(&app, |_| {}).await;
    let scrape = settled(&metrics);
    for family in [
        "app_http_requests_total",
        "app_http_request_duration_seconds_count",
        "app_request_size_bytes_count",
        "app_response_size_bytes_count",
        "app_errors_total",
        "app_exceptions_total",
    ] {
        let expected = expected([("", 2), ("free", 1), ("other", 4), ("paid", 2)]);
        assert_eq!(sums(&scrape, family, "tier"), expected, "{family}");
        let family = family.trim_end_matches("_count");
        let overflow = [("family", family), ("label", "tier")];
        assert_eq!(scrape.sum("app_metrics_overflow_total", &overflow), 4, "{family}");
    }
    assert_eq!(scrape.values("app_active_requests", "tier"), ["", "free", "other", "paid"]);
}

#[derive(Clone)]
struct Claims {
    tenant: Option<String>,
}

#[tokio::test]
async fn request_label_from_an_extension_exports_the_first_values() {
    let metrics = with_label(
        RequestLabel::new("tenant")
            .from_extension(|claims: &Claims| claims.tenant.as_deref().unwrap_or_default())
            .at_most(2),
    );
    let app = app(&metrics);
    for tenant in [Some("b"), Some("a"), None, Some("c"), Some("b"), Some("c")] {
        let tenant = tenant.map(str::to_owned);
        send_with(&app, |request| {
            request.extensions_mut().insert(Claims { tenant });
        })
        .await;
    }
    send_with(&app, |_| {}).await;
    assert_eq!(
        sums(&settled(&metrics), "app_http_requests_total", "tenant"),
        expected([("", 2), ("a", 1), ("b", 2), ("other", 2)])
    );
}

#[tokio::test]
async fn request_label_of_ten_thousand_values_stays_bounded() {
    let metrics = with_label(RequestLabel::new("tenant").from_header("x-tenant").at_most(50));
    let app = app(&metrics);
    for number in 0..10_000 {
        send_with_header(&app, "x-tenant", format!("tenant-{number}").as_bytes()).await;
    }
    let scrape = settled(&metrics);
    let family = "app_http_requests_total";
    assert_eq!(scrape.count(family, &[("endpoint", "/answer/{status}")]), 51);
    assert_eq!(scrape.sum(family, &[("tenant", "tenant-49")]), 1);
    assert_eq!(scrape.sum(family, &[("tenant", "other")]), 9_950);
    let overflow = [("family", family), ("label", "tenant")];
    assert_eq!(scrape.sum("app_metrics_overflow_total", &overflow), 9_950);
}

#[tokio::test]
async fn request_label_of_a_long_or_invalid_value_becomes_other() {
    let metrics = with_label(RequestLabel::new("tenant").from_header("x-tenant").at_most(3));
    let app = app(&metrics);
    let megabyte = "x".repeat(1 << 20);
    let longest = "y".repeat(128);
    for value in [megabyte.as_bytes(), "z".repeat(129).as_bytes(), b"\xff\xfe", b"other"] {
        send_with_header(&app, "x-tenant", value).await;
    }
    for value in [&longest, "q\"\\", "h\u{e9}"] {
        send_with_header(&app, "x-tenant", value.as_bytes()).await;
    }
    let scrape = settled(&metrics);
    assert_eq!(
        sums(&scrape, "app_http_requests_total", "tenant"),
        expected([("h\u{e9}", 1), ("other", 4), ("q\"\\", 1), (&longest, 1)])
    );
    assert!(page_of(&metrics).len() < 100_000);
}

/// `Usage` does not implement `IntoResponse`.
struct Counted(Usage);

impl TokenUsage for Counted {
    fn token_usage(&self) -> Option<Usage> {
        Some(self.0)
    }
}

impl IntoResponse for Counted {
    fn into_response(self) -> Response {
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}

/// Makes a tracked call.
#[track_tokens(provider = "house", model = "small-1")]
async fn call() -> Counted {
    Counted(Usage::new(5, 1))
}

/// Sends a stream that is metered where it is created.
#[streaming_metrics(media_type = "text/plain")]
async fn chunks() -> impl futures_core::Stream<Item = &'static str> {
    stream::iter(["one", "two"])
}

/// The families with request labels, and how often a request of [`full_app`] records in each.
const LABELLED: [(&str, i64); 12] = [
    ("app_http_requests_total", 1),
    ("app_http_request_duration_seconds_count", 1),
    ("app_request_size_bytes_count", 1),
    ("app_response_size_bytes_count", 1),
    ("app_errors_total", 1),
    ("app_exceptions_total", 1),
    ("app_stream_chunks_total", 3),
    ("app_stream_bytes_total", 9),
    ("app_stream_duration_seconds_count", 2),
    ("app_token_usage_total", 18),
    ("app_llm_calls_total", 3),
    ("app_cost_usd_total", 6),
];

/// The families of the same requests that have no request labels.
const UNLABELLED: [&str; 5] = [
    "app_active_streams",
    "app_request_tokens_count",
    "app_time_to_first_chunk_seconds_count",
    "app_inter_chunk_seconds_count",
    "app_global_exceptions_total",
];

/// Serves one route whose handler sets the label `tenant` and records in all families.
fn full_app(metrics: &Metrics) -> Router {
    let handler = |Path(tenant): Path<String>| async move {
        if tenant != "from-header" {
            request_label::set("tenant", &tenant);
        }
        track_detailed_exception(&std::fmt::Error, StatusCode::INTERNAL_SERVER_ERROR);
        call().await;
        token_usage_context::record(Usage::new(5, 1));
        let tokens = token_usage_context::handle();
        tokio::spawn(async move { tokens.record(Usage::new(5, 1)) }).await.expect("no panic");
        let inner = chunks().await.into_response();
        assert_eq!(inner.into_body().into_data_stream().count().await, 2);
        let items = stream::iter([Ok::<_, Infallible>("six")]);
        let body = Body::from_stream(wrap_streaming_response(items, "/other-endpoint"));
        (StatusCode::INTERNAL_SERVER_ERROR, body)
    };
    Router::new().route("/full/{tenant}", route_get(handler)).layer(metrics.layer())
}

fn builder() -> MetricsBuilder {
    // A dollar for each token.
    Metrics::builder()
        .price("small-1", Price::per_million(1e6, 1e6))
        .request_label(RequestLabel::new("tenant").from_header("x-tenant").at_most(50))
}

async fn get_with_tenant(app: &Router, path: &str, tenant: &'static str) {
    let request = Request::get(path).header("x-tenant", tenant).body(Body::empty());
    let request = request.expect("the request is well formed");
    let response = app.clone().oneshot(request).await.expect("a router does not fail");
    assert_eq!(response.into_body().into_data_stream().count().await, 1);
}

#[tokio::test]
async fn request_label_set_by_the_handler_is_on_requests_streams_calls_tokens_and_cost() {
    let metrics = builder().build().expect("valid");
    let app = full_app(&metrics);
    for (path, header) in [
        ("/full/acme", "ignored"),
        ("/full/acme", "from-header"),
        ("/full/initech", "from-header"),
        ("/full/from-header", "from-header"),
    ] {
        get_with_tenant(&app, path, header).await;
    }
    let scrape = settled(&metrics);
    for (family, each) in LABELLED {
        let expected = expected([("acme", 2 * each), ("from-header", each), ("initech", each)]);
        assert_eq!(sums(&scrape, family, "tenant"), expected, "{family}");
    }
    for family in UNLABELLED {
        assert!(scrape.values(family, "tenant").is_empty(), "{family}");
    }
    let endpoints = scrape.values("app_stream_bytes_total", "endpoint");
    assert!(endpoints.contains(&"/other-endpoint"), "{endpoints:?}");
}

#[tokio::test]
async fn active_requests_keep_the_request_label_that_they_arrived_with() {
    let metrics = builder().build().expect("valid");
    let pending = || async {
        request_label::set("tenant", "acme");
        std::future::pending::<()>().await;
    };
    let app = Router::new().route("/pending", route_get(pending)).layer(metrics.layer());
    let request = Request::get("/pending").header("x-tenant", "arrived").body(Body::empty());
    let mut response = app.oneshot(request.expect("the request is well formed"));
    assert!((&mut response).now_or_never().is_none());
    let active = |scrape: &Scrape| {
        let of_route = |tenant| [("endpoint", "/pending"), ("tenant", tenant)];
        assert_eq!(scrape.count("app_active_requests", &[("endpoint", "/pending")]), 1);
        assert_eq!(scrape.count("app_active_requests", &of_route("arrived")), 1);
        scrape.sum("app_active_requests", &[])
    };
    assert_eq!(active(&Scrape::of(&metrics)), 1);
    drop(response);
    let scrape = settled(&metrics);
    assert_eq!(active(&scrape), 0);
    assert_eq!(sums(&scrape, "app_http_requests_total", "tenant"), expected([("acme", 1)]));
}

#[tokio::test]
async fn active_requests_keep_the_request_label_when_the_endpoint_changes() {
    #[instrument_endpoint(endpoint = "/named")]
    async fn named() {
        request_label::set("tenant", "acme");
    }
    async fn middleware(request: Request, next: axum::middleware::Next) -> Response {
        request_label::set("tenant", "initech");
        next.run(request).await
    }
    let metrics = builder().build().expect("valid");
    let app = Router::new()
        .route("/route", route_get(named))
        .layer(axum::middleware::from_fn(middleware))
        .layer(metrics.layer());
    get(&app, "/route").await;
    let scrape = settled(&metrics);
    assert_eq!(sums(&scrape, "app_http_requests_total", "tenant"), expected([("acme", 1)]));
    assert_eq!(scrape.values("app_active_requests", "tenant"), [""]);
    assert_eq!(scrape.sum("app_active_requests", &[]), 0);
}

#[tokio::test]
async fn request_label_that_is_set_empty_is_empty() {
    async fn handler() {
        request_label::set("tenant", "");
    }
    let metrics = builder().build().expect("valid");
    let app = Router::new().route("/", route_get(handler)).layer(metrics.layer());
    let request = Request::get("/").header("x-tenant", "acme").body(Body::empty());
    let request = request.expect("the request is well formed");
    app.oneshot(request).await.expect("a router does not fail");
    let scrape = settled(&metrics);
    assert_eq!(sums(&scrape, "app_http_requests_total", "tenant"), expected([("", 1)]));
}

#[tokio::test]
async fn request_labels_follow_the_labels_of_the_family_in_the_order_of_declaration() {
    let label = |name: &str| RequestLabel::new(name).from_header(name).values(["1", "2"]);
    let metrics = Metrics::builder()
        .label("zone", "eu")
        .request_label(label("d"))
        .request_label(label("b"))
        .request_label(label("c"))
        .request_label(label("a"))
        .build()
        .expect("four labels are valid");
    let app = app(&metrics);
    send_with(&app, |request| {
        for (name, value) in [("a", "1"), ("b", "2"), ("c", "3")] {
            request.headers_mut().insert(name, HeaderValue::from_static(value));
        }
    })
    .await;
    let line = "app_http_requests_total{zone=\"eu\",method=\"GET\",\
                endpoint=\"/answer/{status}\",status=\"500\",outcome=\"server_error\",d=\"\",\
                b=\"2\",c=\"other\",a=\"1\"} 1";
    let page = page_of(&metrics);
    assert!(page.contains(line), "{page}");
    let gathered = metrics.registry().gather();
    let requests = gathered.iter().find(|family| family.name() == "app_http_requests_total");
    let requests = requests.expect("a request was recorded");
    let labels = requests.get_metric()[0].get_label().iter();
    let names: Vec<_> = labels.map(prometheus::proto::LabelPair::name).collect();
    assert_eq!(names, ["zone", "method", "endpoint", "status", "outcome", "d", "b", "c", "a"]);
}

#[tokio::test]
async fn request_labels_of_two_instances_do_not_mix() {
    let left = with_label(RequestLabel::new("tenant").from_header("x-tenant").at_most(1));
    let right = with_label(RequestLabel::new("plan").from_header("x-tenant").at_most(1));
    for (metrics, value) in [(&left, "acme"), (&right, "free"), (&left, "late"), (&right, "free")] {
        send_with_header(&app(metrics), "x-tenant", value.as_bytes()).await;
    }
    let (left, right) = (settled(&left), settled(&right));
    let family = "app_http_requests_total";
    assert_eq!(sums(&left, family, "tenant"), expected([("acme", 1), ("other", 1)]));
    assert_eq!(sums(&right, family, "plan"), expected([("free", 2)]));
    assert!(left.all_values("plan").is_empty());
    assert!(right.all_values("tenant").is_empty());
}

#[tokio::test]
async fn request_label_is_set_in_the_instance_that_serves_the_innermost_request() {
    let (outer, inner) = (builder().build().expect("valid"), builder().build().expect("valid"));
    let app = full_app(&inner);
    let forward = |Path(tenant): Path<String>| async move {
        request_label::set("tenant", "outer");
        get_with_tenant(&app, &format!("/full/{tenant}"), "from-header").await;
    };
    let app = Router::new().route("/{tenant}", route_get(forward)).layer(outer.layer());
    get(&app, "/acme").await;
    let family = "app_http_requests_total";
    assert_eq!(sums(&settled(&outer), family, "tenant"), expected([("outer", 1)]));
    assert_eq!(sums(&settled(&inner), family, "tenant"), expected([("acme", 1)]));
}

#[tokio::test]
async fn request_label_is_not_recorded_outside_a_request() {
    async fn handler() {
        let task = tokio::spawn(async { request_label::set("tenant", "spawned") });
        task.await.expect("the task does not panic");
    }
    request_label::set("tenant", "nowhere");
    let metrics = builder().build().expect("valid");
    let app = Router::new().route("/", route_get(handler)).layer(metrics.layer());
    get(&app, "/").await;
    assert_eq!(settled(&metrics).all_values("tenant").into_iter().collect::<Vec<_>>(), [""]);
}

#[tokio::test]
async fn request_labels_become_other_when_a_family_is_full() {
    let metrics = Metrics::builder()
        .max_series(20)
        .request_label(RequestLabel::new("tenant").from_header("x-tenant").at_most(100))
        .request_label(RequestLabel::new("plan").from_header("x-plan").values(["free", "paid"]))
        .build()
        .expect("valid");
    let family = "app_http_requests_total";
    let app = app(&metrics);
    let declared = Scrape::of(&metrics).count(family, &[]);
    // Fifty combinations, four requests each.
    for number in 0..200 {
        send_with(&app, |request| {
            let tenant = format!("tenant-{}", number % 50);
            let tenant = HeaderValue::try_from(tenant).expect("the header value is valid");
            request.headers_mut().insert("x-tenant", tenant);
            if number % 2 == 0 {
                request.headers_mut().insert("x-plan", HeaderValue::from_static("paid"));
            }
        })
        .await;
    }
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum(family, &[]), 200);
    assert_eq!(scrape.count(family, &[]), 22, "twenty series, and two for the overflow");
    let overflow = i64::try_from(200 - 4 * (20 - declared)).expect("the number is small");
    assert_eq!(scrape.sum(family, &[("tenant", "other")]), overflow);
    assert_eq!(scrape.sum(family, &[("plan", "")]), 100);
    for label in ["tenant", "plan"] {
        let observations = scrape.sum(family, &[(label, "other")]);
        let counted = [("family", family), ("label", label)];
        assert_eq!(scrape.sum("app_metrics_overflow_total", &counted), observations, "{label}");
    }
    assert_eq!(scrape.sum("app_active_requests", &[]), 0);
}

#[tokio::test]
async fn request_labels_are_on_every_piece_of_a_large_page() {
    let metrics = builder().build().expect("valid");
    let app = Router::new()
        .route("/answer/{status}", route_get(answer))
        .route("/metrics", route_get(streamgauge::metrics_endpoint))
        .layer(metrics.layer());
    for tenant in 0..40 {
        for status in [200, 404, 500] {
            let request = Request::get(format!("/answer/{status}"))
                .header("x-tenant", format!("tenant-{}", 39 - tenant))
                .body(Body::empty())
                .expect("the request is well formed");
            app.clone().oneshot(request).await.expect("a router does not fail");
        }
    }
    let expected = page_of(&metrics);
    assert!(expected.len() > 200_000, "{} bytes", expected.len());
    let (_, page) = get(&app, "/metrics").await;
    assert_eq!(String::from_utf8_lossy(&page), expected);
    let of_route = [("endpoint", "/answer/{status}")];
    assert_eq!(Scrape::of(&metrics).count("app_http_requests_total", &of_route), 120);
}

#[tokio::test]
async fn request_label_is_absent_by_default() {
    let metrics = Metrics::builder().build().expect("valid");
    send_with_header(&app(&metrics), "x-tenant", b"acme").await;
    assert!(settled(&metrics).all_values("tenant").is_empty());
}

#[test]
fn request_label_with_invalid_settings_is_refused() {
    let refused = |builder: MetricsBuilder| {
        builder.build().expect_err("the settings are invalid").to_string()
    };
    let label = RequestLabel::new;
    let one = |label: RequestLabel| Metrics::builder().label("region", "eu").request_label(label);
    let four = ["a", "b", "c", "d"]
        .into_iter()
        .fold(Metrics::builder(), |builder, name| builder.request_label(label(name).values(["x"])));
    let long = "x".repeat(129);
    for (builder, message) in [
        (one(label("my-tier").values(["a"])), "\"my-tier\" is not a label name"),
        (one(label("endpoint").values(["a"])), "\"endpoint\" is taken"),
        (one(label("le").values(["a"])), "\"le\" is taken"),
        (one(label("region").values(["a"])), "\"region\" is given twice"),
        (
            one(label("tier").values(["a"])).request_label(label("tier").at_most(1)),
            "\"tier\" is given twice",
        ),
        (one(label("tier").from_header("x tier").values(["a"])), "the header name is not valid"),
        (
            one(label("tier")
                .from_header("x")
                .from_extension(|c: &Claims| c.tenant.as_deref().unwrap_or_default())),
            "keep one of them",
        ),
        (one(label("tier").from_header("x-tier")), "list them with `values`, or limit"),
        (one(label("tier").values(["a"]).at_most(3)), "two bounds"),
        (one(label("tier").at_most(0)), "allow at least one"),
        (one(label("tier").at_most(10_001)), "allow fewer"),
        (one(label("tier").values([""; 0])), "no value is allowed"),
        (one(label("tier").values(["a", "other"])), "remove them"),
        (one(label("tier").values(["a", ""])), "remove them"),
        (one(label("tier").values([&*long])), "shorten it"),
        (four.request_label(label("e").values(["x"])), "\"e\": an instance can have four"),
    ] {
        let error = refused(builder);
        assert!(error.contains(message), "{error}");
    }
}
