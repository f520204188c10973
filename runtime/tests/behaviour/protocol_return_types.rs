//! Protocols are parsed alike for every return type of a metered stream, and each stream is one
//! call.

use std::convert::Infallible;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Method, StatusCode, header::CONTENT_TYPE};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get as route_get;
use futures_core::Stream;
use futures_util::{StreamExt, stream as streams};
use streamgauge::{
    Metrics, Usage, instrument_endpoint, streaming_metrics, token_usage_context, track_tokens,
};
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::{get, metrics, send, settled};

use crate::sample_replies::{Ending, Frames, Io, OPENAI, source};

fn chat() -> impl Stream<Item = Io<Bytes>> + Send {
    source(OPENAI.frames(), Ending::Complete)
}

/// The same chat as events, which axum encodes.
fn events() -> impl Stream<Item = Result<Event, Infallible>> + Send {
    let frames = [OPENAI.opening, OPENAI.tokens[0], OPENAI.tokens[1], OPENAI.closing, OPENAI.end];
    let data = frames.into_iter().flat_map(|frame| frame.split("\n\n"));
    let data = data.filter_map(|event| event.strip_prefix("data: "));
    streams::iter(data.map(|data| Ok(Event::default().data(data))).collect::<Vec<_>>())
}

/// One of the five items holds two events, so the chat has six events.
const ITEMS: i64 = 5;
const EVENTS: i64 = 6;

mod unconverted {
    use super::*;

    #[streaming_metrics(protocol = "openai")]
    pub(super) fn opaque() -> impl Stream<Item = Io<Bytes>> {
        chat()
    }

    #[streaming_metrics(protocol = "openai")]
    pub(super) async fn in_result() -> Result<impl Stream<Item = Io<Bytes>>, StatusCode> {
        Ok(chat())
    }

    #[streaming_metrics(protocol = "openai")]
    pub(super) fn boxed() -> Frames {
        Box::pin(chat())
    }
}

#[streaming_metrics(protocol = "openai", media_type = "text/event-stream")]
async fn media_type() -> impl Stream<Item = Io<Bytes>> {
    chat()
}

#[streaming_metrics(protocol = "openai", media_type = "text/event-stream")]
async fn media_type_of_text() -> impl Stream<Item = String> {
    streams::iter(OPENAI.frames()).map(str::to_owned)
}

#[streaming_metrics(protocol = "openai", media_type = "text/event-stream")]
async fn media_type_of_events() -> impl Stream<Item = Event> {
    events().map(Result::unwrap_or_default)
}

#[streaming_metrics(protocol = "openai", media_type = "text/event-stream")]
async fn media_type_of_results() -> impl Stream<Item = Result<Event, Infallible>> {
    events()
}

#[streaming_metrics(protocol = "openai")]
async fn response() -> Response {
    ([(CONTENT_TYPE, "text/event-stream")], Body::from_stream(chat())).into_response()
}

#[streaming_metrics(protocol = "openai")]
async fn body() -> Body {
    Body::from_stream(chat())
}

#[streaming_metrics(protocol = "openai")]
async fn hidden() -> impl IntoResponse {
    Body::from_stream(chat())
}

#[streaming_metrics(protocol = "openai")]
async fn sse() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    Sse::new(events()).keep_alive(KeepAlive::new())
}

fn app(metrics: &Metrics) -> (Router, Vec<(&'static str, i64)>) {
    let router = Router::new()
        .route("/opaque", route_get(|| async { Body::from_stream(unconverted::opaque()) }))
        .route(
            "/in-result",
            route_get(|| async { unconverted::in_result().await.map(Body::from_stream) }),
        )
        .route("/boxed", route_get(|| async { Body::from_stream(unconverted::boxed()) }))
        .route("/media-type", route_get(media_type))
        .route("/media-type-of-text", route_get(media_type_of_text))
        .route("/media-type-of-events", route_get(media_type_of_events))
        .route("/media-type-of-results", route_get(media_type_of_results))
        .route("/response", route_get(response))
        .route("/body", route_get(body))
        .route("/hidden", route_get(hidden))
        .route("/sse", route_get(sse))
        .layer(metrics.layer());
    let items = ["/opaque", "/in-result", "/boxed", "/media-type", "/media-type-of-text"];
    let items = items.into_iter().chain(["/response", "/body", "/hidden"]);
    let events = ["/media-type-of-events", "/media-type-of-results", "/sse"];
    let paths = items.map(|path| (path, ITEMS)).chain(events.map(|path| (path, EVENTS)));
    (router, paths.collect())
}

#[tokio::test]
async fn return_types_of_streams_are_parsed_alike() {
    let metrics = metrics();
    let (app, paths) = app(&metrics);
    for (path, chunks) in paths {
        let (_, body) = get(&app, path).await;
        let whole = OPENAI.frames().concat();
        assert_eq!(body, whole, "{path}");
        let scrape = settled(&metrics);
        let endpoint = ("endpoint", path);
        let bytes = i64::try_from(whole.len()).expect("the length fits");
        for (family, labels, expected) in [
            ("app_stream_chunks_total", [endpoint, endpoint], chunks),
            ("app_stream_bytes_total", [endpoint, endpoint], bytes),
            ("app_stream_duration_seconds_count", [endpoint, ("outcome", "complete")], 1),
            ("app_stream_duration_seconds_count", [endpoint, endpoint], 1),
            ("app_inter_chunk_seconds_count", [endpoint, ("model", "m-1")], chunks - 1),
            ("app_time_to_first_chunk_seconds_count", [endpoint, ("model", "m-1")], 1),
            ("app_time_to_first_token_seconds_count", [endpoint, ("model", "m-1")], 1),
            ("app_time_per_output_token_seconds_count", [endpoint, ("model", "m-1")], 1),
            ("app_token_usage_total", [endpoint, ("model", "m-1")], OPENAI.total()),
            ("app_llm_calls_total", [endpoint, ("finish_reason", "stop")], 1),
            ("app_llm_calls_total", [endpoint, endpoint], 1),
            ("app_usage_missing_total", [endpoint, endpoint], 0),
            ("app_http_requests_total", [endpoint, ("outcome", "success")], 1),
        ] {
            assert_eq!(scrape.sum(family, &labels), expected, "{family} of {path}");
        }
    }
}

/// Functions with both attributes: `st_…` names `streaming_metrics` first, `ts_…` `track_tokens`.
macro_rules! stacked {
    ($(
        $name:ident: $first:meta, $second:meta => $reply:ty, $body:expr;
    )*) => {$(
        #[$first]
        #[$second]
        async fn $name() -> $reply {
            $body
        }
    )*};
}

stacked! {
    st_stream: streaming_metrics(protocol = "openai"),
        track_tokens(provider = "house", model = "m-2")
        => impl Stream<Item = Io<Bytes>>, chat();
    ts_stream: track_tokens(provider = "house", model = "m-2"),
        streaming_metrics(protocol = "openai")
        => impl Stream<Item = Io<Bytes>>, chat();
    st_boxed: streaming_metrics(protocol = "openai"),
        track_tokens(provider = "house", model = "m-2")
        => Frames, Box::pin(chat());
    ts_boxed: track_tokens(provider = "house", model = "m-2"),
        streaming_metrics(protocol = "openai")
        => Frames, Box::pin(chat());
    st_media_type: streaming_metrics(protocol = "openai", media_type = "text/event-stream"),
        track_tokens(provider = "house", model = "m-2") => impl Stream<Item = Io<Bytes>>, chat();
    ts_media_type: track_tokens(provider = "house", model = "m-2"),
        streaming_metrics(protocol = "openai", media_type = "text/event-stream")
        => impl Stream<Item = Io<Bytes>>, chat();
    st_sse: streaming_metrics(protocol = "openai"),
        track_tokens(provider = "house", model = "m-2")
        => Sse<impl Stream<Item = Result<Event, Infallible>>>, Sse::new(events());
    ts_sse: track_tokens(provider = "house", model = "m-2"),
        streaming_metrics(protocol = "openai")
        => Sse<impl Stream<Item = Result<Event, Infallible>>>, Sse::new(events());
    st_response: streaming_metrics(protocol = "openai"),
        track_tokens(provider = "house", model = "m-2")
        => Response, Response::new(Body::from_stream(chat()));
    ts_response: track_tokens(provider = "house", model = "m-2"),
        streaming_metrics(protocol = "openai")
        => Response, Response::new(Body::from_stream(chat()));
}

fn stacked_app(metrics: &Metrics) -> (Router, [&'static str; 10]) {
    let router = Router::new()
        .route("/st_stream", route_get(|| async { Body::from_stream(st_stream().await) }))
        .route("/ts_stream", route_get(|| async { Body::from_stream(ts_stream().await) }))
        .route("/st_boxed", route_get(|| async { Body::from_stream(st_boxed().await) }))
        .route("/ts_boxed", route_get(|| async { Body::from_stream(ts_boxed().await) }))
        .route("/st_media_type", route_get(st_media_type))
        .route("/ts_media_type", route_get(ts_media_type))
        .route("/st_sse", route_get(st_sse))
        .route("/ts_sse", route_get(ts_sse))
        .route("/st_response", route_get(st_response))
        .route("/ts_response", route_get(ts_response))
        .layer(metrics.layer());
    let paths = ["/st_stream", "/ts_stream", "/st_boxed", "/ts_boxed", "/st_media_type"];
    let more = ["/ts_media_type", "/st_sse", "/ts_sse", "/st_response", "/ts_response"];
    (router, [paths, more].concat().try_into().expect("there are ten paths"))
}

#[tokio::test]
async fn tracked_stream_is_one_call_in_both_attribute_orders() {
    let metrics = metrics();
    let (app, paths) = stacked_app(&metrics);
    for path in paths {
        get(&app, path).await;
        let scrape = settled(&metrics);
        let call = [("endpoint", path), ("provider", "house"), ("model", "m-2")];
        let stopped = [&call[..], &[("finish_reason", "stop")]].concat();
        assert_eq!(scrape.sum("app_llm_calls_total", &stopped), 1, "{path}");
        assert_eq!(scrape.sum("app_llm_calls_total", &call[..1]), 1, "{path}");
        assert_eq!(scrape.sum("app_token_usage_total", &call), OPENAI.total(), "{path}");
        assert_eq!(scrape.sum("app_usage_missing_total", &call[..1]), 0, "{path}");
        let pace = [call[0], ("model", "m-1")];
        assert_eq!(scrape.sum("app_time_to_first_token_seconds_count", &pace), 0, "{path}");
    }
}

#[tokio::test]
async fn client_disconnect_from_a_tracked_stream_is_one_call_in_both_attribute_orders() {
    let metrics = metrics();
    let (app, paths) = stacked_app(&metrics);
    for path in paths {
        let mut body = send(&app, Method::GET, path).await.into_body().into_data_stream();
        body.next().await.expect("the body has a frame").expect("the frame is not an error");
        drop(body);
        let scrape = settled(&metrics);
        let call = [("endpoint", path), ("model", "m-2")];
        assert_eq!(scrape.sum("app_llm_calls_total", &call), 1, "{path}");
        let cancelled = [call[0], ("finish_reason", "cancelled")];
        assert_eq!(scrape.sum("app_llm_calls_total", &cancelled), 1, "{path}");
        let missing = [call[0], ("reason", "disconnected")];
        assert_eq!(scrape.sum("app_usage_missing_total", &missing), 1, "{path}");
    }
}

#[tokio::test]
async fn head_request_records_no_stream() {
    let metrics = metrics();
    let (plain, paths) = app(&metrics);
    for (path, _) in paths {
        drop(send(&plain, Method::HEAD, path).await);
        let scrape = settled(&metrics);
        assert_eq!(scrape.sum("app_stream_duration_seconds_count", &[]), 0, "{path}");
        // The function has run, and its reply is dropped before any usage is parsed.
        assert_eq!(scrape.sum("app_llm_calls_total", &[("endpoint", path)]), 1, "{path}");
        assert_eq!(scrape.sum("app_usage_missing_total", &[("endpoint", path)]), 1, "{path}");
    }
    let metrics = self::metrics();
    let (tracked, paths) = stacked_app(&metrics);
    for path in paths {
        drop(send(&tracked, Method::HEAD, path).await);
        let scrape = settled(&metrics);
        assert_eq!(scrape.sum("app_stream_duration_seconds_count", &[]), 0, "{path}");
        assert_eq!(scrape.sum("app_llm_calls_total", &[("endpoint", path)]), 1, "{path}");
        assert_eq!(scrape.sum("app_usage_missing_total", &[("endpoint", path)]), 1, "{path}");
    }
}

#[tokio::test]
async fn manual_usage_counts_if_larger_than_parsed_usage() {
    #[streaming_metrics(protocol = "openai", provider = "house")]
    fn manual(closes: bool) -> impl Stream<Item = Io<&'static str>> + Send {
        async_stream::stream! {
            yield Ok(OPENAI.opening);
            token_usage_context::record(Usage::new(1, 1));
            yield Ok(OPENAI.tokens[0]);
            token_usage_context::record(Usage::new(1, 2).reasoning(2));
            yield Ok(OPENAI.tokens[1]);
            if closes {
                yield Ok(OPENAI.closing);
            }
            yield Ok(OPENAI.end);
        }
    }
    for (closes, frames, tokens, finish) in [
        (true, None, OPENAI.total(), "stop"),
        (false, None, 5, ""),
        (true, Some(2), 2, "cancelled"),
        (true, Some(3), 5, "cancelled"),
    ] {
        let metrics = metrics();
        let app = Router::new()
            .route("/", route_get(move || async move { Body::from_stream(manual(closes)) }))
            .layer(metrics.layer());
        let body = send(&app, Method::GET, "/").await.into_body().into_data_stream();
        body.take(frames.unwrap_or(usize::MAX)).for_each(async |_| {}).await;
        let scrape = settled(&metrics);
        let call = [("endpoint", "/"), ("provider", "house"), ("model", "m-1")];
        assert_eq!(scrape.sum("app_token_usage_total", &call), tokens, "{scrape:#?}");
        assert_eq!(scrape.sum("app_token_usage_total", &[]), tokens);
        assert_eq!(scrape.sum("app_llm_calls_total", &[("finish_reason", finish)]), 1);
        assert_eq!(scrape.sum("app_llm_calls_total", &[]), 1);
        assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0);
    }
}

#[tokio::test]
async fn endpoint_argument_of_the_attribute_that_reads_the_reply_applies_to_the_call() {
    #[instrument_endpoint]
    #[streaming_metrics(protocol = "openai", media_type = "text/event-stream", endpoint = "/named")]
    #[track_tokens(endpoint = "/tokens")]
    async fn named() -> impl Stream<Item = Io<Bytes>> {
        chat()
    }
    let metrics = metrics();
    let app = Router::new().route("/", route_get(named)).layer(metrics.layer());
    get(&app, "/").await;
    let scrape = settled(&metrics);
    let named = [("endpoint", "/named")];
    assert_eq!(scrape.sum("app_stream_chunks_total", &named), ITEMS);
    // The attribute that reads the reply is the call, and it names an endpoint itself.
    assert_eq!(scrape.sum("app_time_to_first_token_seconds_count", &named), 1);
    assert_eq!(scrape.sum("app_token_usage_total", &named), OPENAI.total());
    assert_eq!(scrape.sum("app_llm_calls_total", &named), 1);
    assert_eq!(scrape.sum("app_llm_calls_total", &[]), 1);
}

/// The sum that the global instance has recorded for a function called outside any request.
fn global(function: &str, family: &str) -> i64 {
    Scrape::of(Metrics::global()).sum(family, &[("endpoint", function)])
}

#[tokio::test]
async fn global_instance_records_streams_outside_any_request() {
    #[streaming_metrics(protocol = "openai", provider = "house")]
    fn outside_alone() -> impl Stream<Item = Io<Bytes>> {
        chat()
    }
    #[streaming_metrics(protocol = "openai")]
    #[track_tokens]
    fn outside_st() -> impl Stream<Item = Io<Bytes>> {
        chat()
    }
    #[track_tokens]
    #[streaming_metrics(protocol = "openai")]
    fn outside_ts() -> Frames {
        Box::pin(chat())
    }
    assert_eq!(outside_alone().count().await, 5);
    assert_eq!(outside_st().count().await, 5);
    assert_eq!(outside_ts().count().await, 5);
    for function in ["outside_alone", "outside_st", "outside_ts"] {
        assert_eq!(global(function, "app_stream_chunks_total"), ITEMS, "{function}");
        assert_eq!(global(function, "app_token_usage_total"), OPENAI.total(), "{function}");
        assert_eq!(global(function, "app_llm_calls_total"), 1, "{function}");
        assert_eq!(global(function, "app_usage_missing_total"), 0, "{function}");
        assert_eq!(global(function, "app_active_streams"), 0, "{function}");
    }
}
