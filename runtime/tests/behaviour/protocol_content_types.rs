//! Response heads and protocols: which content types and encodings are parsed, and how whole
//! replies and keep-alive comments are counted.

use std::convert::Infallible;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::map_response;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get as route_get;
use futures_core::Stream;
use futures_util::{StreamExt, stream as streams};
use http_body_util::BodyExt;
use streamgauge::{StreamChunk, streaming_metrics, track_tokens};
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::{get, metrics, send, settled};

use crate::sample_replies::{Ending, OPENAI, metered_stream, source};

const ENDPOINT: (&str, &str) = ("endpoint", "/chat");

/// Responds with a complete chat stream and the given headers.
#[streaming_metrics(protocol = "openai")]
async fn chat(headers: Vec<(HeaderName, &'static str)>) -> Response {
    let mut response = Response::new(Body::from_stream(source(OPENAI.frames(), Ending::Complete)));
    for (name, value) in headers {
        response.headers_mut().append(name, HeaderValue::from_static(value));
    }
    response
}

async fn scrape_after(router: Router) -> Scrape {
    let metrics = metrics();
    get(&router.layer(metrics.layer()), "/chat").await;
    settled(&metrics)
}

async fn scrape_after_chat(headers: Vec<(HeaderName, &'static str)>) -> Scrape {
    let handler = move || chat(headers.clone());
    scrape_after(Router::new().route("/chat", route_get(handler))).await
}

/// Checks that the reply is a call with this outcome and no stream.
#[track_caller]
fn assert_call_without_stream(scrape: &Scrape, outcome: &str) {
    for family in ["stream_chunks_total", "stream_duration_seconds_count"] {
        assert_eq!(scrape.sum(&format!("app_{family}"), &[]), 0, "{family}: {scrape:#?}");
    }
    let labels = [ENDPOINT, ("outcome", outcome)];
    assert_eq!(scrape.sum("app_llm_call_duration_seconds_count", &labels), 1, "{scrape:#?}");
    assert_eq!(scrape.sum("app_llm_call_duration_seconds_count", &[]), 1);
    assert_eq!(scrape.sum("app_time_per_output_token_seconds_count", &[]), 0);
    assert_eq!(scrape.sum("app_time_to_first_token_seconds_count", &[]), 0);
}

fn outcome(scrape: &Scrape, outcome: &str) -> i64 {
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &[ENDPOINT]), 1, "{scrape:#?}");
    scrape.sum("app_stream_duration_seconds_count", &[ENDPOINT, ("outcome", outcome)])
}

/// Checks that the stream is complete and that its call could not be parsed.
#[track_caller]
fn assert_unparsed(scrape: &Scrape) {
    assert_eq!(outcome(scrape, "complete"), 1, "{scrape:#?}");
    assert_eq!(scrape.sum("app_stream_chunks_total", &[ENDPOINT]), 5);
    assert_eq!(scrape.sum("app_token_usage_total", &[ENDPOINT]), 0);
    assert_eq!(scrape.sum("app_llm_calls_total", &[ENDPOINT, ("finish_reason", "")]), 1);
    assert_eq!(scrape.sum("app_llm_calls_total", &[ENDPOINT]), 1);
    assert_eq!(scrape.sum("app_usage_missing_total", &[ENDPOINT, ("reason", "unparsed")]), 1);
    assert_eq!(scrape.sum("app_time_to_first_token_seconds_count", &[ENDPOINT]), 0);
    assert_eq!(scrape.sum("app_http_requests_total", &[ENDPOINT, ("outcome", "success")]), 1);
}

#[tokio::test]
async fn content_types_of_text_and_json_are_parsed() {
    for headers in [
        vec![],
        vec![(CONTENT_TYPE, "text/event-stream")],
        vec![(CONTENT_TYPE, "Text/Event-Stream; charset=utf-8"), (CONTENT_ENCODING, "Identity")],
        vec![(CONTENT_TYPE, "application/x-ndjson")],
        vec![(CONTENT_TYPE, "application/octet-stream")],
        vec![(CONTENT_TYPE, "")],
    ] {
        let scrape = scrape_after_chat(headers.clone()).await;
        assert_eq!(scrape.sum("app_token_usage_total", &[ENDPOINT]), OPENAI.total(), "{headers:?}");
        assert_eq!(outcome(&scrape, "complete"), 1, "{headers:?}");
    }
}

#[tokio::test]
async fn content_type_of_a_json_document_is_a_call_and_no_stream() {
    for media_type in
        ["application/json", "Application/JSON; charset=utf-8", "application/vnd.house+json;v=1"]
    {
        let scrape = scrape_after_chat(vec![(CONTENT_TYPE, media_type)]).await;
        assert_eq!(scrape.sum("app_token_usage_total", &[ENDPOINT]), OPENAI.total());
        assert_call_without_stream(&scrape, "success");
    }
}

#[tokio::test]
async fn content_type_that_axum_gives_to_bytes_is_parsed() {
    const REPLY: &str = "{\"choices\":[],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":5}}";
    #[track_tokens(protocol = "openai")]
    async fn with_status() -> (StatusCode, Bytes) {
        (StatusCode::OK, Bytes::from_static(REPLY.as_bytes()))
    }
    #[track_tokens(protocol = "openai")]
    async fn hidden() -> impl IntoResponse {
        REPLY.as_bytes().to_vec()
    }
    #[streaming_metrics(protocol = "openai")]
    async fn response() -> Response {
        Bytes::from_static(REPLY.as_bytes()).into_response()
    }
    for route in [route_get(with_status), route_get(hidden), route_get(response)] {
        let scrape = scrape_after(Router::new().route("/chat", route)).await;
        assert_eq!(scrape.sum("app_token_usage_total", &[ENDPOINT]), 17, "{scrape:#?}");
        assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0);
    }
}

#[tokio::test]
async fn compressed_and_binary_bodies_are_not_parsed() {
    for headers in [
        vec![(CONTENT_TYPE, "text/event-stream"), (CONTENT_ENCODING, "gzip")],
        vec![(CONTENT_ENCODING, "identity"), (CONTENT_ENCODING, "br")],
        vec![(CONTENT_TYPE, "Audio/MPEG")],
        vec![(CONTENT_TYPE, "application/x-gzip")],
        vec![(CONTENT_TYPE, "application/x-protobuf")],
        vec![(CONTENT_TYPE, "application/vnd.example.eventstream")],
    ] {
        assert_unparsed(&scrape_after_chat(headers).await);
    }
}

#[tokio::test]
async fn compression_by_a_middleware_disables_parsing() {
    #[streaming_metrics(protocol = "openai")]
    async fn events() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
        Sse::new(streams::iter(OPENAI.frames()).map(|_| Ok(Event::default().data("\u{1f}\u{8b}"))))
    }
    let compress = |mut response: Response| async move {
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("zstd"));
        response
    };
    let router = Router::new().route("/chat", route_get(events)).layer(map_response(compress));
    assert_unparsed(&scrape_after(router).await);
}

#[tokio::test]
async fn http_error_response_is_a_failed_call() {
    #[streaming_metrics(protocol = "openai")]
    async fn refuses() -> Response {
        let body = "{\"error\":{\"message\":\"no\",\"type\":\"invalid_request_error\"}}";
        (StatusCode::BAD_REQUEST, [(CONTENT_TYPE, "application/json")], body).into_response()
    }
    #[streaming_metrics(protocol = "openai")]
    async fn hidden() -> impl IntoResponse {
        (StatusCode::BAD_REQUEST, Body::from_stream(source(vec![OPENAI.error], Ending::Complete)))
    }
    for route in [route_get(refuses), route_get(hidden)] {
        let scrape = scrape_after(Router::new().route("/chat", route)).await;
        let request = [ENDPOINT, ("status", "400"), ("outcome", "client_error")];
        assert_eq!(scrape.sum("app_http_requests_total", &request), 1, "{scrape:#?}");
        assert_eq!(scrape.sum("app_errors_total", &[ENDPOINT, ("error_type", "client")]), 1);
        assert_eq!(scrape.sum("app_errors_total", &[ENDPOINT]), 1);
        assert_eq!(scrape.sum("app_stream_duration_seconds_count", &[]), 0);
        assert_eq!(scrape.sum("app_stream_errors_total", &[]), 0);
        let failed = [("error_type", "invalid_request"), ("finish_reason", "error")];
        assert_eq!(scrape.sum("app_llm_calls_total", &failed), 1);
        assert_eq!(scrape.sum("app_llm_calls_total", &[]), 1);
        assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0);
    }
}

/// Serves a whole reply, whose length is known at its head.
async fn scrape_after_json(body: &'static str) -> Scrape {
    #[streaming_metrics(protocol = "openai")]
    async fn whole(body: &'static str) -> Response {
        ([(CONTENT_TYPE, "application/json")], body).into_response()
    }
    scrape_after(Router::new().route("/chat", route_get(move || whole(body)))).await
}

#[tokio::test]
async fn json_reply_is_parsed() {
    let scrape = scrape_after_json(
        "{\"object\":\"chat.completion\",\"model\":\"m-1\",\
         \"choices\":[{\"message\":{\"content\":\"Hi\"},\
         \"finish_reason\":\"length\"}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}",
    )
    .await;
    assert_call_without_stream(&scrape, "success");
    assert_eq!(scrape.sum("app_token_usage_total", &[ENDPOINT, ("model", "m-1")]), 7);
    assert_eq!(scrape.sum("app_llm_calls_total", &[ENDPOINT, ("finish_reason", "length")]), 1);
    assert_eq!(scrape.sum("app_http_requests_total", &[ENDPOINT, ("outcome", "success")]), 1);
}

#[tokio::test]
async fn error_in_a_json_reply_fails_the_request_despite_status_200() {
    let scrape =
        scrape_after_json("{\"error\":{\"message\":\"no\",\"type\":\"server_error\"}}").await;
    assert_call_without_stream(&scrape, "error");
    assert_eq!(scrape.sum("app_llm_calls_total", &[ENDPOINT, ("error_type", "protocol")]), 1);
    let request = [ENDPOINT, ("status", "200"), ("outcome", "server_error")];
    assert_eq!(scrape.sum("app_http_requests_total", &request), 1);
    assert_eq!(scrape.sum("app_errors_total", &[ENDPOINT, ("error_type", "stream")]), 1);
}

#[tokio::test]
async fn json_reply_that_is_cut_off_is_truncated() {
    let cut = scrape_after_json("{\"object\":\"chat.completion\",\"mod").await;
    assert_call_without_stream(&cut, "truncated");
    assert_eq!(cut.sum("app_llm_calls_total", &[ENDPOINT, ("error_type", "truncated")]), 1);
    let empty = scrape_after_json("").await;
    assert_call_without_stream(&empty, "truncated");
    assert_eq!(empty.sum("app_http_requests_total", &[ENDPOINT, ("outcome", "success")]), 1);
    assert_eq!(empty.sum("app_usage_missing_total", &[ENDPOINT, ("reason", "not_sent")]), 1);
}

#[tokio::test]
async fn empty_body_is_a_complete_stream_without_chunks() {
    #[streaming_metrics]
    async fn empty() -> Body {
        Body::empty()
    }
    let scrape = scrape_after(Router::new().route("/chat", route_get(empty))).await;
    assert_eq!(outcome(&scrape, "complete"), 1);
    assert_eq!(scrape.sum("app_stream_chunks_total", &[ENDPOINT]), 0);
}

#[tokio::test]
async fn failed_stream_read_by_the_handler_does_not_fail_the_request() {
    let handler = || async {
        let read = metered_stream("openai", vec![OPENAI.error], Ending::Complete).count().await;
        format!("{read} chunk, and another model was called")
    };
    let scrape = scrape_after(Router::new().route("/chat", route_get(handler))).await;
    assert_eq!(outcome(&scrape, "error_event"), 1);
    assert_eq!(scrape.sum("app_stream_errors_total", &[("error_type", "server_error")]), 1);
    assert_eq!(scrape.sum("app_http_requests_total", &[ENDPOINT, ("outcome", "success")]), 1);
    assert_eq!(scrape.sum("app_errors_total", &[ENDPOINT]), 0);
}

/// Chunks and bytes counted for these items: of a stream with a protocol, and of an event stream
/// without one.
async fn counted(items: Vec<&'static str>) -> [(i64, i64); 2] {
    #[streaming_metrics(media_type = "text/event-stream")]
    async fn without_protocol(items: Vec<&'static str>) -> impl Stream<Item = &'static str> {
        streams::iter(items)
    }
    let frames = items.clone();
    let parsed = move || async move {
        Body::from_stream(metered_stream("openai", frames, Ending::Complete))
    };
    let parsed = Router::new().route("/chat", route_get(parsed));
    let unparsed = Router::new().route("/chat", route_get(move || without_protocol(items.clone())));
    let mut counts = [(0, 0); 2];
    for (router, counts) in [parsed, unparsed].into_iter().zip(&mut counts) {
        let scrape = scrape_after(router).await;
        let sum = |name| scrape.sum(name, &[ENDPOINT]);
        *counts = (sum("app_stream_chunks_total"), sum("app_stream_bytes_total"));
    }
    counts
}

#[tokio::test]
async fn keep_alive_comments_are_not_chunks_however_events_are_split() {
    for (items, chunks, bytes) in [
        (vec![": hi\n\n", "data: a\n\n", ":\n\n", "data: b\n\n"], 2, 18),
        (vec!["data: a\n", "\n", ": hi\n\n"], 2, 9),
        (vec!["data: a", "\n", "\n", "\n"], 3, 9),
        (vec!["data: a\r", "\n\r\n", ": hi\r\n\r\n", "\r\n"], 2, 11),
        (vec!["data: a", ": b\n\n"], 2, 12),
        (vec![": h", "i", "\n\n", "data: a\n\n"], 1, 9),
        (vec!["id: 1\n\n", "retry: 3\n", "\n"], 3, 17),
        (vec![": with\ndata: a\n\n"], 1, 9),
        (vec!["data: a\n\n: hi\n\n", "data: a\n: hi\ndata: b\n\n"], 2, 26),
        (vec!["", "data: a\n\n"], 2, 9),
    ] {
        let expected = (chunks, bytes);
        assert_eq!(counted(items.clone()).await, [expected, expected], "{items:?}");
    }
}

#[tokio::test]
async fn comments_are_no_payload_however_events_are_split() {
    const EVENTS: &str = "\u{feff}\n: \u{a7}\n\ndata: a\n: PROCESSING\ndata: :\n\n\n: b\r\n\r\n\
                          event: c\r\n:\r\ndata: d\r\n\r\n\r\n:\rid: 1\r\r\r:e\ndata: f";
    let bytes = "\u{feff}data: a\ndata: :\n\nevent: c\r\ndata: d\r\n\r\nid: 1\r\rdata: f".len();
    let expected = [i64::try_from(bytes).expect("the stream is short"); 2];
    for at in (0..=EVENTS.len()).filter(|at| EVENTS.is_char_boundary(*at)) {
        let (first, second) = EVENTS.split_at(at);
        let counts = counted(vec![first, second]).await;
        assert_eq!(counts.map(|(_, bytes)| bytes), expected, "split at {at}");
    }
}

#[tokio::test]
async fn comments_are_subtracted_from_the_stated_size_of_an_item() {
    struct Framed(&'static str, usize);
    impl StreamChunk for Framed {
        fn payload_bytes(&self) -> usize {
            self.1
        }
        fn payload(&self) -> Option<&[u8]> {
            Some(self.0.as_bytes())
        }
    }
    #[streaming_metrics(protocol = "openai")]
    fn framed() -> impl Stream<Item = Framed> + Send {
        streams::iter([Framed(": hi\ndata: a\n\n", 100), Framed(": hi\ndata: a\n\n", 3)])
    }
    let handler = || async { framed().collect::<Vec<_>>().await.len().to_string() };
    let scrape = scrape_after(Router::new().route("/chat", route_get(handler))).await;
    assert_eq!(scrape.sum("app_stream_chunks_total", &[ENDPOINT]), 2);
    assert_eq!(scrape.sum("app_stream_bytes_total", &[ENDPOINT]), 95);
}

#[tokio::test]
async fn keep_alive_of_axum_is_not_a_chunk_with_a_protocol() {
    #[streaming_metrics(protocol = "openai")]
    async fn slow() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
        let events = streams::iter([Ok(Event::default().data("[DONE]"))]);
        let keep_alive = KeepAlive::new().interval(std::time::Duration::from_secs(5));
        Sse::new(events.chain(streams::once(std::future::pending()))).keep_alive(keep_alive)
    }
    tokio::time::pause();
    let metrics = metrics();
    let app = Router::new().route("/chat", route_get(slow)).layer(metrics.layer());
    let mut body = send(&app, Method::GET, "/chat").await.into_body();
    for _ in 0..4 {
        body.frame().await.expect("the body has a frame").expect("the frame is not an error");
    }
    drop(body);
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_stream_chunks_total", &[ENDPOINT]), 1);
    assert_eq!(scrape.sum("app_stream_bytes_total", &[ENDPOINT]), 14);
    assert_eq!(outcome(&scrape, "complete"), 1);
}
