//! What a scraper gets: formats, codings, and what it may ask for.

use std::collections::HashMap;
use std::io::Read;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, Response, StatusCode, header};
use axum::routing::get as route_get;
use flate2::read::GzDecoder;
use http_body_util::BodyExt;
use prometheus::core::{Collector, Desc};
use prometheus::proto::{Gauge, LabelPair, Metric, MetricFamily, MetricType};
use prometheus::{HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry};
use streamgauge::{EncodeError, Metrics, Usage, track_tokens};
use streamgauge_tests::Scrape;
use streamgauge_tests::strict::{self, Format};
use tower::ServiceExt;

use crate::client::{get, metrics};

const OPEN: &str = "application/openmetrics-text;version=1.0.0";

#[track_tokens(model = model.clone(), provider = model)]
async fn ask(model: String) -> Usage {
    Usage::new(3, 4)
}

async fn served(metrics: &Metrics, models: &'static [&'static str]) {
    let handler = move || async move {
        for model in models {
            ask((*model).to_owned()).await;
        }
    };
    get(&Router::new().route("/ask", route_get(handler)).layer(metrics.layer()), "/ask").await;
}

async fn scrape(metrics: &Metrics, request: Request<Body>) -> Response<Body> {
    metrics.endpoint().oneshot(request).await.expect("it does not fail")
}

fn request(headers: &[(header::HeaderName, &str)]) -> Request<Body> {
    let request = Request::builder().uri("/metrics").body(Body::empty());
    let mut request = request.expect("the request is well formed");
    for (name, value) in headers {
        request.headers_mut().insert(name, value.parse().expect("it is a value"));
    }
    request
}

async fn body(response: Response<Body>) -> (HeaderMap, Vec<u8>) {
    let headers = response.headers().clone();
    let body = response.into_body().collect().await.expect("it does not fail");
    (headers, body.to_bytes().to_vec())
}

#[tokio::test]
async fn the_format_is_the_one_that_is_liked_best_and_says_so() {
    let metrics = metrics();
    served(&metrics, &["m"]).await;
    for (accept, format, content_type) in [
        (OPEN, Format::OpenMetrics, "application/openmetrics-text; version=1.0.0; charset=utf-8"),
        ("*/*", Format::Text, "text/plain; version=0.0.4; charset=utf-8"),
        ("image/png", Format::Text, "text/plain; version=0.0.4; charset=utf-8"),
    ] {
        let request = request(&[(header::ACCEPT, accept)]);
        let (headers, page) = body(scrape(&metrics, request).await).await;
        assert_eq!(headers[header::CONTENT_TYPE], content_type);
        assert_eq!(headers[header::VARY], "accept, accept-encoding");
        assert_eq!(headers[header::CONTENT_LENGTH], page.len().to_string());
        let page = String::from_utf8(page).expect("it is text");
        strict::check(&page, format);
        assert!(page.contains("app_token_usage_total{"), "{page}");
    }
}

#[tokio::test]
async fn a_page_of_garbage_headers_is_a_page() {
    let metrics = metrics();
    served(&metrics, &["m"]).await;
    let expected = metrics.encode_text().expect("it encodes").into_bytes();
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
    let mut odd = request(&[]);
    let value = header::HeaderValue::from_bytes(b"\xFF\xFE").expect("a header may be this");
    odd.headers_mut().insert(header::ACCEPT, value);
    assert!(body(scrape(&metrics, odd).await).await.1 == expected);
}

#[tokio::test]
async fn two_scrapes_without_traffic_are_the_same() {
    let metrics = metrics();
    served(&metrics, &["b", "a", "c"]).await;
    for accept in [OPEN, "text/plain"] {
        let page =
            || async { body(scrape(&metrics, request(&[(header::ACCEPT, accept)])).await).await.1 };
        let first = page().await;
        for _ in 0..5 {
            assert!(first == page().await, "{accept}");
        }
    }
}

#[tokio::test]
async fn gzip_is_for_those_who_ask() {
    let metrics = metrics();
    served(&metrics, &["m"]).await;
    let plain = metrics.encode_text().expect("it encodes");
    for (asks, gets) in [
        ("gzip", true),
        ("deflate, GZIP;q=0.5", true),
        ("*", true),
        ("gzip;q=0", false),
        ("identity", false),
        ("*;q=0", false),
        ("", false),
    ] {
        let request = request(&[(header::ACCEPT_ENCODING, asks)]);
        let (headers, page) = body(scrape(&metrics, request).await).await;
        assert_eq!(headers.get(header::CONTENT_ENCODING).is_some(), gets, "{asks}");
        assert_eq!(headers[header::CONTENT_LENGTH], page.len().to_string());
        let text = if gets {
            let mut text = String::new();
            GzDecoder::new(&*page).read_to_string(&mut text).expect("it is gzip");
            text
        } else {
            String::from_utf8(page).expect("it is text")
        };
        assert_eq!(text, plain, "{asks}");
    }
}

#[tokio::test]
async fn head_has_the_headers_of_get_and_other_methods_are_refused() {
    let metrics = metrics();
    served(&metrics, &["m"]).await;
    let length = metrics.encode_text().expect("it encodes").len().to_string();
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
            let response = app.clone().oneshot(request).await.expect("it does not fail");
            assert_eq!(response.status(), status, "{method}");
            let (headers, page) = body(response).await;
            if status == StatusCode::OK {
                assert_eq!(headers[header::CONTENT_LENGTH], length, "{method}");
                assert_eq!(page.is_empty(), method == Method::HEAD);
            } else {
                let allowed = headers[header::ALLOW].to_str().expect("it is text");
                assert!(allowed.contains("GET") && allowed.contains("HEAD"), "{allowed}");
            }
        }
    }
}

#[tokio::test]
async fn a_scraper_may_ask_for_some_families() {
    let metrics = metrics();
    served(&metrics, &["m"]).await;
    let uri = "/metrics?name[]=app_llm_calls_total&name%5B%5D=app_request_tokens_bucket";
    let mut asks = request(&[]);
    *asks.uri_mut() = uri.parse().expect("it is a path");
    let page = String::from_utf8(body(scrape(&metrics, asks).await).await.1).expect("it is text");
    let families: Vec<_> = page.lines().filter(|line| line.starts_with("# TYPE")).collect();
    assert_eq!(
        families,
        ["# TYPE app_llm_calls_total counter", "# TYPE app_request_tokens histogram"]
    );
    let mut none = request(&[]);
    *none.uri_mut() = "/metrics?name[]=absent".parse().expect("it is a path");
    assert!(body(scrape(&metrics, none).await).await.1.is_empty());
}

#[tokio::test]
async fn hostile_label_values_break_no_page() {
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
    let metrics =
        Metrics::builder().label("build", "a\"b\\c\nd").build().expect("values may be anything");
    served(&metrics, VALUES).await;
    let scrape = Scrape::of(&metrics);
    for value in VALUES {
        let calls =
            scrape.sum("app_llm_calls_total", &[("model", *value), ("build", "a\"b\\c\nd")]);
        assert_eq!(calls, 1, "{value:?}");
    }
    let huge: &'static str = "x".repeat(1_000_000).leak();
    served(&metrics, vec![huge].leak()).await;
    assert_eq!(Scrape::of(&metrics).sum("app_llm_calls_total", &[("model", "other")]), 1);
}

#[tokio::test]
async fn units_and_types_are_as_openmetrics_wants_them() {
    let metrics = metrics();
    served(&metrics, &["m"]).await;
    let page = metrics.encode_openmetrics().expect("it encodes");
    for line in [
        "# TYPE app_token_usage counter",
        "# TYPE app_http_request_duration_seconds histogram",
        "# UNIT app_http_request_duration_seconds seconds",
        "# UNIT app_response_size_bytes bytes",
        "# UNIT app_request_tokens tokens",
        "# EOF",
    ] {
        assert!(page.lines().any(|there| there == line), "{line} is not in\n{page}");
    }
    assert!(page.contains("le=\"1.0\"") && page.contains("le=\"+Inf\""), "{page}");
    let page = metrics.encode_text().expect("it encodes");
    assert!(page.contains("le=\"1\"") && !page.contains("UNIT"), "{page}");
}

/// Metrics of an application's own.
fn own(registry: &Registry) {
    let opts = || Opts::new("shop_orders_total", "Orders, by \"kind\"\nand\\or more.");
    let orders = IntCounterVec::new(opts(), &["kind"]).expect("valid");
    let opts = HistogramOpts::new("shop_price", "Prices.").buckets(vec![1.0, 2.5]);
    let prices = HistogramVec::new(opts, &["kind"]).expect("valid");
    let stock = prometheus::Gauge::new("shop_stock", "Stock.").expect("valid");
    let visits = IntCounter::new("shop_visits", "Visits, named as OpenMetrics does not.");
    let visits = visits.expect("valid");
    orders.with_label_values(&["a\"b\\c\nd"]).inc_by(2);
    prices.with_label_values(&["x"]).observe(2.0);
    stock.set(f64::INFINITY);
    visits.inc_by(7);
    registry.register(Box::new(orders)).expect("the name is free");
    registry.register(Box::new(prices)).expect("the name is free");
    registry.register(Box::new(stock)).expect("the name is free");
    registry.register(Box::new(visits)).expect("the name is free");
}

#[tokio::test]
async fn an_applications_own_metrics_stand_on_the_page() {
    let metrics = metrics();
    own(metrics.registry());
    served(&metrics, &["m"]).await;
    let scrape = Scrape::of(&metrics);
    assert_eq!(scrape.sum("shop_orders_total", &[("kind", "a\"b\\c\nd")]), 2);
    assert_eq!(scrape.sum("shop_price_bucket", &[("le", "2.5")]), 1);
    assert!(scrape.amount("shop_stock", &[]).is_infinite());
    assert_eq!(scrape.sum("shop_visits", &[]), 7);
    let open = metrics.encode_openmetrics().expect("it encodes");
    strict::check(&open, Format::OpenMetrics);
    assert!(open.contains("shop_visits_total 7\n"), "{open}");
    assert!(open.contains("shop_price_bucket{kind=\"x\",le=\"1.0\"} 0\n"), "{open}");
}

#[tokio::test]
async fn a_registrys_own_prefix_and_labels_are_on_our_families_too() {
    let labels = [("region".to_owned(), "eu\"1".to_owned())].into();
    let registry = Registry::new_custom(Some("corp".to_owned()), Some(labels)).expect("valid");
    own(&registry);
    let metrics = Metrics::builder().registry(registry.clone()).build().expect("valid");
    served(&metrics, &["m"]).await;
    let scrape = Scrape::of(&metrics);
    let region = [("region", "eu\"1")];
    assert_eq!(scrape.sum("corp_app_llm_calls_total", &region), 1);
    assert_eq!(scrape.sum("corp_shop_visits", &region), 7);
    // Whoever gathers from the registry finds the same.
    let text =
        prometheus::TextEncoder::new().encode_to_string(&registry.gather()).expect("it encodes");
    assert!(text.contains("corp_app_llm_calls_total{"), "{text}");
    assert!(!text.contains("probe"), "{text}");
    // It writes infinity in a way of its own.
    let gathered = Scrape::parse(&text.replace(" inf\n", " +Inf\n"));
    assert_eq!(gathered.sum("corp_app_llm_calls_total", &region), 1);
    assert_eq!(gathered.series(), scrape.series());
}

#[test]
fn a_registry_that_no_scraper_would_read_is_refused() {
    for (prefix, label) in [
        (Some("my-app"), None),
        (None, Some(("endpoint", "x"))),
        (None, Some(("my-label", "x"))),
        (None, Some(("region", "x"))),
    ] {
        let labels = label.map(|(name, value)| [(name.to_owned(), value.to_owned())].into());
        let registry =
            Registry::new_custom(prefix.map(str::to_owned), labels).expect("it says yes");
        let built = Metrics::builder().label("region", "y").registry(registry).build();
        let error = built.expect_err("no scraper would read it").to_string();
        let named = prefix.or(label.map(|(name, _)| name)).expect("one of them");
        assert!(error.contains(named), "{error}");
    }
}

#[test]
fn a_registrys_label_is_nobody_elses() {
    let registry = || {
        let labels = [("tier".to_owned(), "x".to_owned())].into();
        Registry::new_custom(None, Some(labels)).expect("it says yes")
    };
    for builder in [
        Metrics::builder().label_from_header("tier", "x-tier", ["free"]),
        Metrics::builder().label("tier", "y"),
        Metrics::builder().build_info([("tier", "1")]),
    ] {
        let error = builder.registry(registry()).build().expect_err("there would be two of them");
        assert!(error.to_string().contains("\"tier\""), "{error}");
    }
}

#[tokio::test]
async fn two_instances_of_one_name_in_one_registry_are_both_on_either_page() {
    let registry = Registry::new();
    let instance = |app| {
        let builder = Metrics::builder().label("app", app).registry(registry.clone());
        builder.build().expect("their labels tell them apart")
    };
    let (a, b) = (instance("a"), instance("b"));
    served(&a, &["m"]).await;
    served(&b, &["m", "n"]).await;
    for metrics in [&a, &b] {
        let scrape = Scrape::of(metrics);
        assert_eq!(scrape.sum("app_llm_calls_total", &[("app", "a")]), 1);
        assert_eq!(scrape.sum("app_llm_calls_total", &[("app", "b")]), 2);
    }
}

#[test]
fn instances_may_be_built_at_once_in_one_registry() {
    let registry = Registry::new();
    std::thread::scope(|threads| {
        for thread in 0..4 {
            let registry = &registry;
            threads.spawn(move || {
                for number in 0..20 {
                    let builder = Metrics::builder().prefix(format!("app_{thread}_{number}"));
                    let metrics = builder.registry(registry.clone()).build().expect("it is free");
                    let page = metrics.encode_text().expect("it encodes");
                    assert!(!page.contains("probe"), "{page}");
                }
            });
        }
    });
}

#[test]
fn no_scrapes_at_all_are_a_mistake() {
    let error = Metrics::builder().max_scrapes(0).build().expect_err("nobody could scrape");
    assert!(error.to_string().contains("max_scrapes"), "{error}");
}

#[test]
fn names_of_samples_are_taken_whoever_comes_first() {
    for name in [
        "app_request_tokens_total",
        "app_active_requests_total",
        "app_http_request_duration_seconds_count",
        "app_http_request_duration_seconds_sum",
        "app_request_tokens_bucket",
        "app_http_requests",
    ] {
        let mine = || Box::new(IntCounter::new(name, "Mine.").expect("valid"));
        let registry = Registry::new();
        registry.register(mine()).expect("it is empty");
        assert!(Metrics::builder().registry(registry).build().is_err(), "{name}");
        let metrics = metrics();
        assert!(metrics.registry().register(mine()).is_err(), "{name}");
    }
}

/// A collector that gives what it is told to, whatever that is.
struct Odd(Desc, fn() -> Vec<MetricFamily>);

impl Odd {
    fn new(collect: fn() -> Vec<MetricFamily>) -> Self {
        let desc = Desc::new("odd".into(), "Odd.".into(), Vec::new(), HashMap::new());
        Self(desc.expect("valid"), collect)
    }
}

impl Collector for Odd {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.0]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        (self.1)()
    }
}

fn family(name: &str, labels: &[&str]) -> MetricFamily {
    let pairs = labels.iter().map(|name| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value("v".to_owned());
        pair
    });
    let mut metric = Metric::from_label(pairs.collect());
    let mut gauge = Gauge::default();
    gauge.set_value(f64::NAN);
    metric.set_gauge(gauge);
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help("Odd.".to_owned());
    family.set_field_type(MetricType::GAUGE);
    family.set_metric(vec![metric]);
    family
}

#[tokio::test]
async fn families_that_would_cost_the_whole_scrape_are_left_out() {
    let metrics = metrics();
    served(&metrics, &["m"]).await;
    let odd = Odd::new(|| {
        let mut untyped = family("odd_untyped", &[]);
        untyped.set_field_type(MetricType::UNTYPED);
        vec![
            family("my-app_x", &[]),
            family("9lives", &[]),
            family("odd_label", &["my-label"]),
            family("odd_twice", &["a", "a"]),
            family("app_llm_calls_total", &[]),
            family("odd_good", &["a"]),
            family("shop_visits", &[]),
            untyped,
        ]
    });
    metrics.registry().register(Box::new(odd)).expect("the name is free");
    // In OpenMetrics `shop_visits` and `shop_visits_total` are one family.
    let visits = IntCounter::new("shop_visits_total", "Visits.").expect("valid");
    metrics.registry().register(Box::new(visits)).expect("the name is free");
    let opts = HistogramOpts::new("odd_below_zero", "Odd.").buckets(vec![1.0]);
    let below = prometheus::Histogram::with_opts(opts).expect("valid");
    below.observe(-5.0);
    metrics.registry().register(Box::new(below)).expect("the name is free");
    let scrape = Scrape::of(&metrics);
    assert!(scrape.amount("odd_good", &[("a", "v")]).is_nan());
    assert_eq!(scrape.sum("app_llm_calls_total", &[]), 1);
    for name in ["my-app_x", "9lives", "odd_label", "odd_twice"] {
        assert_eq!(scrape.count(name, &[]), 0, "{name}");
    }
}

#[tokio::test]
async fn a_collector_that_panics_costs_one_scrape() {
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    static PANICS: AtomicBool = AtomicBool::new(true);

    let metrics = metrics();
    served(&metrics, &["m"]).await;
    let odd = Odd::new(|| {
        assert!(!PANICS.load(Relaxed), "the database is away");
        vec![family("odd_good", &[])]
    });
    metrics.registry().register(Box::new(odd)).expect("the name is free");
    let response = scrape(&metrics, request(&[])).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let said = String::from_utf8(body(response).await.1).expect("it is text");
    assert!(said.contains("the database is away"), "{said}");
    let error = metrics.encode_text().expect_err("it panics still");
    assert!(matches!(error, EncodeError::CollectorPanicked { .. }), "{error}");
    PANICS.store(false, Relaxed);
    let whole = Scrape::of(&metrics);
    assert_eq!(whole.count("odd_good", &[]), 1);
    assert_eq!(whole.sum("app_llm_calls_total", &[]), 1);
}

#[test]
fn a_collector_that_asks_for_its_own_page_is_told_so() {
    use std::sync::OnceLock;
    static METRICS: OnceLock<Metrics> = OnceLock::new();

    let metrics = METRICS.get_or_init(metrics);
    let odd = Odd::new(|| {
        let asked = METRICS.get().expect("it is there").encode_text();
        assert!(matches!(asked, Err(EncodeError::Nested)), "{asked:?}");
        vec![family("odd_good", &[])]
    });
    metrics.registry().register(Box::new(odd)).expect("the name is free");
    assert_eq!(Scrape::of(metrics).count("odd_good", &[]), 1);
}

#[tokio::test]
async fn past_the_limit_a_scrape_is_put_off_until_one_has_been_read() {
    let metrics = Metrics::builder().max_scrapes(2).build().expect("valid");
    served(&metrics, &["m"]).await;
    let first = scrape(&metrics, request(&[])).await;
    let second = scrape(&metrics, request(&[])).await;
    let third = scrape(&metrics, request(&[])).await;
    assert_eq!(third.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(third.headers()[header::RETRY_AFTER], "1");
    let head = {
        let mut head = request(&[]);
        *head.method_mut() = Method::HEAD;
        head
    };
    drop(first);
    assert_eq!(scrape(&metrics, head).await.status(), StatusCode::OK);
    let (_, page) = body(second).await;
    // As long as somebody holds the page it is in memory; here it is a copy.
    drop(page);
    for _ in 0..5 {
        let response = scrape(&metrics, request(&[])).await;
        assert_eq!(response.status(), StatusCode::OK);
        body(response).await;
    }
}

#[tokio::test]
async fn what_is_recorded_while_a_page_is_read_waits_for_nobody() {
    let metrics = metrics();
    served(&metrics, &["m"]).await;
    let response = scrape(&metrics, request(&[])).await;
    served(&metrics, &["m", "new"]).await;
    let (_, page) = body(response).await;
    let page = Scrape::parse(&String::from_utf8(page).expect("it is text"));
    assert_eq!(page.sum("app_llm_calls_total", &[]), 1, "as it was when it was written");
    assert_eq!(Scrape::of(&metrics).sum("app_llm_calls_total", &[]), 3);
}

#[tokio::test]
async fn a_server_of_its_own_shows_the_metrics_until_it_is_stopped() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    let metrics = metrics();
    served(&metrics, &["m"]).await;
    let server = metrics.serve("127.0.0.1:0").await.expect("there is a port");
    let address = server.local_addr();
    for (path, status, shows) in [("/metrics", "200", true), ("/", "404", false)] {
        let mut socket = TcpStream::connect(address).await.expect("somebody listens");
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await.expect("it is read");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.expect("it is text");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        assert_eq!(answer.contains("app_llm_calls_total"), shows, "{answer}");
    }
    let taken = metrics.serve(address).await.expect_err("somebody listens there");
    assert!(taken.to_string().contains("metrics"), "{taken}");
    server.stop().await;
    assert!(TcpStream::connect(address).await.is_err());
}
