//! Scrapes of the metrics endpoint: content negotiation, methods, selection of families, limits.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, Response, StatusCode, header};
use axum::routing::get as route_get;
use http_body_util::BodyExt;
use streamgauge::{Metrics, Usage, track_tokens};
use streamgauge_test_support::client::{get, metrics};
use streamgauge_test_support::strict::{self, Format};
use streamgauge_test_support::{Scrape, page_of};
use tower::ServiceExt;

const OPENMETRICS: &str = "application/openmetrics-text;version=1.0.0";

#[track_tokens(model = model.clone(), provider = model)]
async fn ask(model: String) -> Usage {
    Usage::new(3, 4)
}

/// Serves one request that calls each of the models once.
pub(crate) async fn record_calls(metrics: &Metrics, models: &'static [&'static str]) {
    let handler = move || async move {
        for model in models {
            ask((*model).to_owned()).await;
        }
    };
    get(&Router::new().route("/ask", route_get(handler)).layer(metrics.layer()), "/ask").await;
}

/// Sends a request to the metrics endpoint.
pub(crate) async fn scrape(metrics: &Metrics, request: Request<Body>) -> Response<Body> {
    metrics.endpoint().oneshot(request).await.expect("the service does not fail")
}

pub(crate) fn request(headers: &[(header::HeaderName, &str)]) -> Request<Body> {
    let request = Request::builder().uri("/metrics").body(Body::empty());
    let mut request = request.expect("the request is well formed");
    for (name, value) in headers {
        request.headers_mut().insert(name, value.parse().expect("the header value is valid"));
    }
    request
}

pub(crate) async fn body(response: Response<Body>) -> (HeaderMap, Vec<u8>) {
    let headers = response.headers().clone();
    let body = response.into_body().collect().await.expect("the body does not fail");
    (headers, body.to_bytes().to_vec())
}

#[tokio::test]
async fn format_follows_the_accept_header() {
    let metrics = metrics();
    record_calls(&metrics, &["m"]).await;
    for (accept, format, content_type) in [
        (
            OPENMETRICS,
            Format::OpenMetrics,
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        ),
        ("*/*", Format::Text, "text/plain; version=0.0.4; charset=utf-8"),
        ("image/png", Format::Text, "text/plain; version=0.0.4; charset=utf-8"),
    ] {
        let request = request(&[(header::ACCEPT, accept)]);
        let (headers, page) = body(scrape(&metrics, request).await).await;
        assert_eq!(headers[header::CONTENT_TYPE], content_type);
        assert_eq!(headers[header::VARY], "accept, accept-encoding");
        assert_eq!(headers[header::CONTENT_LENGTH], page.len().to_string());
        let page = String::from_utf8(page).expect("the text is UTF-8");
        strict::check(&page, format);
        assert!(page.contains("app_token_usage_total{"), "{page}");
    }
}

#[tokio::test]
async fn garbage_accept_headers_get_the_text_format() {
    let metrics = metrics();
    record_calls(&metrics, &["m"]).await;
    let expected = page_of(&metrics).into_bytes();
    for garbage in [
        ",;=".repeat(20_000),
        "text/plain;q=0.".to_owned() + &"0".repeat(64_000),
        format!("{};version={}", "a".repeat(30_000), "1".repeat(30_000)),
        "\"".repeat(60_000),
    ] {
        let headers = [(header::ACCEPT, &*garbage), (header::ACCEPT_ENCODING, &*garbage)];
        let (_, page) = body(scrape(&metrics, request(&headers)).await).await;
        assert!(page == expected, "{}", &garbage[..20]);
    }
    let mut invalid_utf8 = request(&[]);
    let value =
        header::HeaderValue::from_bytes(b"\xFF\xFE").expect("the bytes are a valid header value");
    invalid_utf8.headers_mut().insert(header::ACCEPT, value);
    assert!(body(scrape(&metrics, invalid_utf8).await).await.1 == expected);
}

#[tokio::test]
async fn scrapes_without_traffic_are_identical() {
    let metrics = metrics();
    record_calls(&metrics, &["b", "a", "c"]).await;
    for accept in [OPENMETRICS, "text/plain"] {
        let page =
            || async { body(scrape(&metrics, request(&[(header::ACCEPT, accept)])).await).await.1 };
        let first = page().await;
        for _ in 0..5 {
            assert!(first == page().await, "{accept}");
        }
    }
}

#[tokio::test]
async fn head_scrape_has_the_headers_of_get_and_other_methods_are_refused() {
    let metrics = metrics();
    record_calls(&metrics, &["m"]).await;
    let length = page_of(&metrics).len().to_string();
    let as_handler = Router::new().route("/metrics", route_get(metrics.endpoint()));
    let as_service = Router::new().route_service("/metrics", metrics.endpoint());
    for app in [as_handler, as_service] {
        for (method, status) in [
            (Method::GET, StatusCode::OK),
            (Method::HEAD, StatusCode::OK),
            (Method::POST, StatusCode::METHOD_NOT_ALLOWED),
            (Method::OPTIONS, StatusCode::METHOD_NOT_ALLOWED),
            (Method::DELETE, StatusCode::METHOD_NOT_ALLOWED),
        ] {
            let mut request = request(&[]);
            *request.method_mut() = method.clone();
            let response = app.clone().oneshot(request).await.expect("the service does not fail");
            assert_eq!(response.status(), status, "{method}");
            let (headers, page) = body(response).await;
            if status == StatusCode::OK {
                assert_eq!(headers[header::CONTENT_LENGTH], length, "{method}");
                assert_eq!(page.is_empty(), method == Method::HEAD);
            } else {
                let allowed = headers[header::ALLOW].to_str().expect("the text is UTF-8");
                assert!(allowed.contains("GET") && allowed.contains("HEAD"), "{allowed}");
            }
        }
    }
}

#[tokio::test]
async fn name_parameter_selects_families() {
    let metrics = metrics();
    record_calls(&metrics, &["m"]).await;
    let uri = "/metrics?name[]=app_llm_calls_total&name%5B%5D=app_request_tokens_bucket";
    let mut filtered = request(&[]);
    *filtered.uri_mut() = uri.parse().expect("the URI is valid");
    let page = String::from_utf8(body(scrape(&metrics, filtered).await).await.1)
        .expect("the text is UTF-8");
    strict::check(&page, Format::Text);
    let families: Vec<_> = page.lines().filter(|line| line.starts_with("# TYPE")).collect();
    assert_eq!(
        families,
        ["# TYPE app_llm_calls_total counter", "# TYPE app_request_tokens histogram"]
    );
    let mut none = request(&[]);
    *none.uri_mut() = "/metrics?name[]=absent".parse().expect("the URI is valid");
    assert!(body(scrape(&metrics, none).await).await.1.is_empty());
}

#[tokio::test]
async fn label_values_are_escaped_in_the_page() {
    const VALUES: &[&str] = &[
        "quote\"backslash\\newline\nreturn\rtab\t",
        "\u{0}\u{1}\u{7f}\u{2028}\u{2029}\u{feff}",
        "\",le=\"1\"} 5\n# EOF\napp_forged_total 1",
        "\\",
        "\\\"",
        "ends with \\n",
        "{}=,# ",
        "} # {a=\"b\"} 1",
        "🙂 بالعربية",
    ];
    let metrics = Metrics::builder()
        .label("build", "a\"b\\c\nd")
        .build()
        .expect("label values may hold any text");
    record_calls(&metrics, VALUES).await;
    let scrape = Scrape::of(&metrics);
    for value in VALUES {
        let calls =
            scrape.sum("app_llm_calls_total", &[("model", *value), ("build", "a\"b\\c\nd")]);
        assert_eq!(calls, 1, "{value:?}");
    }
    let huge: &'static str = "x".repeat(1_000_000).leak();
    record_calls(&metrics, vec![huge].leak()).await;
    assert_eq!(Scrape::of(&metrics).sum("app_llm_calls_total", &[("model", "other")]), 1);
}

#[tokio::test]
async fn openmetrics_page_has_units_and_types() {
    let metrics = metrics();
    record_calls(&metrics, &["m"]).await;
    let page = metrics.encode_openmetrics().expect("the page encodes");
    strict::check(&page, Format::OpenMetrics);
    for line in [
        "# TYPE app_token_usage counter",
        "# TYPE app_http_request_duration_seconds histogram",
        "# UNIT app_http_request_duration_seconds seconds",
        "# UNIT app_response_size_bytes bytes",
        "# UNIT app_request_tokens tokens",
        "# EOF",
    ] {
        assert!(page.lines().any(|candidate| candidate == line), "{line} is not in\n{page}");
    }
    assert!(page.contains("le=\"1.0\"") && page.contains("le=\"+Inf\""), "{page}");
    let page = page_of(&metrics);
    assert!(page.contains("le=\"1\"") && !page.contains("UNIT"), "{page}");
}

#[test]
fn max_scrapes_of_zero_is_refused() {
    let error = Metrics::builder().max_scrapes(0).build().expect_err("no scrape would be possible");
    assert!(error.to_string().contains("max_scrapes"), "{error}");
}

#[tokio::test]
async fn recording_is_not_blocked_while_a_page_is_read() {
    let metrics = metrics();
    record_calls(&metrics, &["m"]).await;
    let response = scrape(&metrics, request(&[])).await;
    record_calls(&metrics, &["m", "new"]).await;
    let (_, page) = body(response).await;
    let page = Scrape::parse(&String::from_utf8(page).expect("the text is UTF-8"));
    assert_eq!(page.sum("app_llm_calls_total", &[]), 1, "the page shows the state at its encoding");
    assert_eq!(Scrape::of(&metrics).sum("app_llm_calls_total", &[]), 3);
}

#[tokio::test]
async fn metrics_server_serves_the_page_until_it_is_stopped() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    let metrics = metrics();
    record_calls(&metrics, &["m"]).await;
    let server = metrics.serve("127.0.0.1:0").await.expect("a port is free");
    let address = server.local_addr();
    for (path, status, has_families) in [("/metrics", "200", true), ("/", "404", false)] {
        let mut socket = TcpStream::connect(address).await.expect("the server listens");
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await.expect("the server reads the request");
        let mut response = String::new();
        socket.read_to_string(&mut response).await.expect("the text is UTF-8");
        let (head, page) = response.split_once("\r\n\r\n").expect("the response has a head");
        assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{response}");
        strict::check(page, Format::Text);
        assert_eq!(page.contains("app_llm_calls_total"), has_families, "{response}");
    }
    let taken = metrics.serve(address).await.expect_err("the address is in use");
    assert!(taken.to_string().contains("metrics"), "{taken}");
    server.stop().await;
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn serve_binds_nothing_until_its_future_is_polled() {
    use tokio::net::TcpListener;

    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("the listener is bound");
    let serve = metrics().serve(address);
    drop(listener);
    // The future borrows nothing, so that a task can poll it.
    let server = tokio::spawn(serve).await.expect("the task does not panic");
    server.expect("the address is free").stop().await;
}

#[test]
fn serve_outside_a_runtime_is_an_error() {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    let metrics = metrics();
    let mut serve = pin!(metrics.serve("127.0.0.1:0"));
    match serve.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Err(error)) => assert!(error.to_string().contains("runtime"), "{error}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn page_is_consistent_under_load() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

    let metrics = metrics();
    let stop = Arc::new(AtomicBool::new(false));
    let load: Vec<_> = (0..4)
        .map(|task| {
            let (metrics, stop) = (metrics.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                let handler = move || async move {
                    ask(format!("model-{task}")).await;
                };
                let app = Router::new().route("/ask/{turn}", route_get(handler));
                let app = app.layer(metrics.layer());
                let mut turns = 0;
                while !stop.load(Relaxed) {
                    get(&app, &format!("/ask/{turns}")).await;
                    turns += 1;
                }
                turns
            })
        })
        .collect();
    // `Scrape::of` checks each page strictly: every bucket must agree with its count.
    for _ in 0..100 {
        drop(Scrape::of(&metrics));
        tokio::task::yield_now().await;
    }
    stop.store(true, Relaxed);
    let mut requests = 0;
    for task in load {
        requests += task.await.expect("no task panics");
    }
    assert_eq!(Scrape::of(&metrics).sum("app_http_requests_total", &[]), requests);
}
