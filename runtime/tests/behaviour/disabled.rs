//! Disabled instances: their layer passes requests through, and layers of other instances around it
//! or within it record what they serve. `tests/instances` shows that nothing is recorded in the
//! global instance either.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::MatchedPath;
use axum::http::{Method, Request, StatusCode, header};
use axum::response::Response;
use axum::routing::get as route_get;
use futures_util::{StreamExt, stream};
use http_body_util::BodyExt;
use streamgauge::call::{self, CallErrorType};
use streamgauge::{
    Metrics, Usage, instrument_endpoint, metrics_endpoint, streaming_metrics, token_usage_context,
    track_detailed_exception, track_global_exception, track_tokens,
};
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::{get, metrics, send, settled};
use tower::ServiceExt;

pub(crate) fn disabled() -> Metrics {
    Metrics::builder().enabled(false).build().expect("the settings are valid")
}

#[track_tokens(provider = "house", model = "m")]
async fn ask() -> Usage {
    Usage::new(2, 1)
}

/// Records in every way within a request.
#[instrument_endpoint]
async fn records() -> Result<&'static str, StatusCode> {
    ask().await;
    token_usage_context::record(Usage::new(1, 1));
    call::report(CallErrorType::Timeout);
    track_detailed_exception(&std::fmt::Error, StatusCode::CONFLICT);
    track_global_exception(&std::fmt::Error);
    Err(StatusCode::CONFLICT)
}

#[streaming_metrics]
async fn streams() -> Response {
    Response::new(Body::from_stream(stream::iter(0..3).then(|_| async {
        ask().await;
        track_global_exception(&std::fmt::Error);
        Ok::<_, std::io::Error>(Bytes::from("chunk"))
    })))
}

fn app() -> Router {
    Router::new()
        .route("/records", route_get(records))
        .route("/streams", route_get(streams))
        .route("/metrics", route_get(metrics_endpoint))
}

/// The families that only attributes and functions of the library record.
const BY_ATTRIBUTES: [&str; 6] = [
    "app_llm_calls_total",
    "app_token_usage_total",
    "app_exceptions_total",
    "app_global_exceptions_total",
    "app_stream_chunks_total",
    "app_stream_duration_seconds_count",
];

#[tokio::test]
async fn disabled_layer_within_an_enabled_one_leaves_the_request_to_it() {
    let outer = metrics();
    let app = app().layer(disabled().layer()).layer(outer.layer());
    assert_eq!(get(&app, "/records").await.0, StatusCode::CONFLICT);
    assert_eq!(get(&app, "/streams").await.1, "chunkchunkchunk");
    let scrape = settled(&outer);
    for (endpoint, status) in [("/records", "409"), ("/streams", "200")] {
        let labels = [("endpoint", endpoint), ("status", status)];
        assert_eq!(scrape.sum("app_http_requests_total", &labels), 1, "{endpoint}");
        assert_eq!(scrape.sum("app_response_size_bytes_count", &[("endpoint", endpoint)]), 1);
    }
    for family in BY_ATTRIBUTES {
        assert_eq!(scrape.sum(family, &[]), 0, "{family}");
    }
}

#[tokio::test]
async fn disabled_layer_around_an_enabled_one_leaves_its_records_alone() {
    let inner = metrics();
    let app = app().layer(inner.layer()).layer(disabled().layer());
    assert_eq!(get(&app, "/records").await.0, StatusCode::CONFLICT);
    assert_eq!(get(&app, "/streams").await.1, "chunkchunkchunk");
    let scrape = settled(&inner);
    assert_eq!(scrape.sum("app_http_requests_total", &[]), 2);
    assert_eq!(scrape.sum("app_llm_calls_total", &[("endpoint", "/streams")]), 3);
    assert_eq!(scrape.sum("app_stream_chunks_total", &[("endpoint", "/streams")]), 3);
    for family in BY_ATTRIBUTES {
        assert_ne!(scrape.sum(family, &[]), 0, "{family}");
    }
}

#[tokio::test]
async fn disabled_layer_between_two_of_one_instance_leaves_one_request() {
    let metrics = metrics();
    let app = app().layer(metrics.layer()).layer(disabled().layer()).layer(metrics.layer());
    get(&app, "/streams").await;
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_http_requests_total", &[]), 1);
    assert_eq!(scrape.sum("app_stream_chunks_total", &[]), 0, "the handler is disabled");
}

#[tokio::test]
async fn call_that_asks_a_router_of_a_disabled_instance_is_recorded_alone() {
    #[track_tokens(provider = "outer", model = "m")]
    async fn asks_within(app: Router) -> Usage {
        get(&app, "/records").await;
        get(&app, "/streams").await;
        Usage::new(7, 5)
    }

    let metrics = metrics();
    let inner = app().layer(disabled().layer());
    let handler = || async {
        asks_within(inner).await;
    };
    let outer = Router::new().route("/outer", route_get(handler)).layer(metrics.layer());
    get(&outer, "/outer").await;
    let scrape = settled(&metrics);
    let labels = [("provider", "outer"), ("error_type", "")];
    assert_eq!(scrape.sum("app_llm_calls_total", &labels), 1);
    assert_eq!(scrape.sum("app_llm_calls_total", &[]), 1);
    assert_eq!(scrape.sum("app_token_usage_total", &[]), 12);
    assert_eq!(scrape.count("app_global_exceptions_total", &[]), 0);
}

#[tokio::test]
async fn request_of_an_enabled_instance_from_a_disabled_one_is_recorded() {
    let metrics = metrics();
    let inner = app().layer(metrics.layer());
    let handler = move || async move { drop(get(&inner, "/records").await) };
    let outer = Router::new().route("/outer", route_get(handler)).layer(disabled().layer());
    get(&outer, "/outer").await;
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_http_requests_total", &[]), 1);
    assert_eq!(scrape.sum("app_llm_calls_total", &[("provider", "house")]), 1);
}

#[tokio::test]
async fn handle_of_an_enabled_request_records_from_a_disabled_one() {
    let metrics = metrics();
    let inner = Router::new()
        .route(
            "/inner",
            route_get(|request: Request<Body>| async move {
                let handle = request.extensions().get::<token_usage_context::Handle>();
                handle.expect("the outer handler has set it").record(Usage::new(3, 4));
                // This belongs to no instance.
                token_usage_context::record(Usage::new(50, 50));
            }),
        )
        .layer(disabled().layer());
    let handler = || async move {
        let request = Request::builder().uri("/inner").extension(token_usage_context::handle());
        let request = request.body(Body::empty()).expect("the request is well formed");
        drop(inner.oneshot(request).await);
    };
    let outer = Router::new().route("/outer", route_get(handler)).layer(metrics.layer());
    get(&outer, "/outer").await;
    assert_eq!(settled(&metrics).sum("app_token_usage_total", &[]), 7);
}

#[tokio::test]
async fn response_that_is_dropped_leaves_nothing_behind() {
    let outer = metrics();
    let app = app()
        .route("/slow", route_get(|| tokio::time::sleep(Duration::from_secs(60))))
        .layer(disabled().layer());
    let unread = send(&app, Method::GET, "/streams").await;
    drop(unread);
    let mut cut = send(&app, Method::GET, "/streams").await.into_body();
    cut.frame().await.expect("a chunk").expect("the body does not fail");
    drop(cut);
    let slow = tokio::time::timeout(Duration::from_millis(1), get(&app, "/slow")).await;
    slow.expect_err("the handler sleeps");
    // The thread serves nothing afterwards, so that this request is not taken for a disabled one.
    get(&app.layer(outer.layer()), "/records").await;
    let plain = Router::new().route("/records", route_get(records)).layer(outer.layer());
    get(&plain, "/records").await;
    let scrape = Scrape::of(&outer);
    assert_eq!(scrape.sum("app_http_requests_total", &[("endpoint", "/records")]), 2);
    assert_eq!(scrape.sum("app_exceptions_total", &[("endpoint", "/records")]), 2);
}

#[tokio::test]
async fn disabled_layer_passes_requests_and_responses_through() {
    let large = Bytes::from(vec![b'x'; 600 * 1024]);
    let frame = large.clone();
    let handler = |request: Request<Body>| async move {
        assert!(request.extensions().get::<MatchedPath>().is_some());
        let frames = stream::iter([frame, Bytes::from("end")]);
        let body = Body::from_stream(frames.map(Ok::<_, std::io::Error>));
        let mut response = Response::new(body);
        response.headers_mut().insert("x-kept", "yes".parse().expect("a header value"));
        response
    };
    let app = Router::new()
        .route("/large", route_get(handler).post(|body: String| async { body }))
        .route("/small", route_get(|| async { "small" }))
        .layer(disabled().layer());
    let mut response = send(&app, Method::GET, "/large").await;
    assert_eq!(response.headers()["x-kept"], "yes");
    let mut sizes = Vec::new();
    while let Some(frame) = response.body_mut().frame().await {
        sizes.push(frame.expect("the body does not fail").into_data().expect("data").len());
    }
    assert_eq!(sizes, [large.len(), 3], "frames are not split");
    let head = send(&app, Method::HEAD, "/small").await;
    assert_eq!(head.headers()[header::CONTENT_LENGTH], "5");
    let upload = Request::post("/large").body(Body::from("sent")).expect("well formed");
    let echo = app.oneshot(upload).await.expect("a router does not fail");
    assert_eq!(echo.into_body().collect().await.expect("no error").to_bytes(), "sent");
}

#[cfg(feature = "ws")]
#[tokio::test]
async fn web_socket_of_a_disabled_instance_is_no_stream() {
    use axum::extract::ws::{Message, WebSocketUpgrade};
    use streamgauge::ws::{MeteredUpgrade, WebSocket};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[streaming_metrics(endpoint = "/socket", model = "m")]
    async fn socket(upgrade: WebSocketUpgrade) -> Response {
        upgrade.on_metered_upgrade(|mut socket: WebSocket| async move {
            socket.send(Message::text("hello")).await.expect("the client reads");
        })
    }

    let outer = metrics();
    let app = Router::new()
        .route("/socket", route_get(socket))
        .layer(disabled().layer())
        .layer(outer.layer());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("the listener has an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    let mut client = tokio::net::TcpStream::connect(address).await.expect("the server listens");
    let request = "GET /socket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    client.write_all(request.as_bytes()).await.expect("the server reads");
    let mut received = Vec::new();
    while !received.ends_with(b"hello") {
        assert_ne!(client.read_buf(&mut received).await.expect("the server writes"), 0);
    }
    assert!(received.starts_with(b"HTTP/1.1 101"));
    let scrape = Scrape::of(&outer);
    assert_eq!(scrape.sum("app_http_requests_total", &[("status", "101")]), 1);
    assert_eq!(scrape.sum("app_stream_chunks_total", &[]), 0);
    assert_eq!(scrape.count("app_time_to_first_chunk_seconds_count", &[]), 0);
}
