//! Calls within calls: retries, hedged requests, tool loops, and calls beside them.

use std::future::Future;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get as route_get;
use futures_util::{StreamExt, stream};
use streamgauge::{Usage, streaming_metrics, token_usage_context, track_tokens};
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::{get, metrics, send, settled};

use crate::sample_replies::{Ending, OPENAI, source};

const WHOLE: &str = "{\"object\":\"chat.completion\",\"model\":\"m-1\",\
                     \"choices\":[{\"message\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}],\
                     \"usage\":{\"prompt_tokens\":30,\"completion_tokens\":12}}";

/// A stream of chat completion chunks.
fn openai_events() -> Response {
    let body = Body::from_stream(source(OPENAI.frames(), Ending::Complete));
    ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response()
}

/// A value that carries usage.
#[track_tokens(provider = "inner")]
async fn ask(input: u64, output: u64) -> Usage {
    tokio::task::yield_now().await;
    Usage::new(input, output)
}

#[track_tokens(provider = "inner")]
async fn refuse(status: StatusCode) -> Result<Usage, StatusCode> {
    tokio::task::yield_now().await;
    Err(status)
}

#[track_tokens(provider = "inner")]
async fn never() -> Usage {
    std::future::pending().await
}

/// What a nesting of calls records: the calls by provider, the tokens, and the calls without usage.
#[derive(Debug, PartialEq, Eq)]
struct Recorded {
    outer: i64,
    inner: i64,
    tokens: i64,
    missing: i64,
}

async fn recorded<F, R>(handler: F) -> (Recorded, Scrape)
where
    F: Fn() -> R + Clone + Send + Sync + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let metrics = metrics();
    let app = Router::new().route("/chat", route_get(handler)).layer(metrics.layer());
    get(&app, "/chat").await;
    let scrape = settled(&metrics);
    let calls = |provider| scrape.sum("app_llm_calls_total", &[("provider", provider)]);
    let recorded = Recorded {
        outer: calls("outer"),
        inner: calls("inner"),
        tokens: scrape.sum("app_token_usage_total", &[]),
        missing: scrape.sum("app_usage_missing_total", &[]),
    };
    let in_request = scrape.sum("app_llm_calls_per_request_sum", &[]);
    assert_eq!(in_request, recorded.outer + recorded.inner, "{scrape:#?}");
    (recorded, scrape)
}

#[tokio::test]
async fn usage_that_is_handed_on_counts_once() {
    #[track_tokens(provider = "outer")]
    async fn outer() -> Usage {
        ask(30, 12).await
    }
    let (recorded, _) = recorded(|| async {
        let _ = outer().await;
    })
    .await;
    assert_eq!(recorded, Recorded { outer: 0, inner: 1, tokens: 42, missing: 0 });
}

#[tokio::test]
async fn usage_that_is_the_sum_over_all_calls_counts_once() {
    #[track_tokens(provider = "outer")]
    async fn outer() -> Usage {
        let (one, other) = tokio::join!(ask(30, 12), ask(7, 5));
        let third = ask(1, 1).await;
        assert_eq!((one, other, third), (Usage::new(30, 12), Usage::new(7, 5), Usage::new(1, 1)));
        Usage::new(38, 18)
    }
    let (recorded, _) = recorded(|| async {
        let _ = outer().await;
    })
    .await;
    assert_eq!(recorded, Recorded { outer: 0, inner: 3, tokens: 56, missing: 0 });
}

#[tokio::test]
async fn call_of_its_own_beside_tracked_ones_counts() {
    #[track_tokens(provider = "outer")]
    async fn outer() -> Usage {
        ask(30, 12).await;
        Usage::new(100, 50)
    }
    let (recorded, _) = recorded(|| async {
        let _ = outer().await;
    })
    .await;
    assert_eq!(recorded, Recorded { outer: 1, inner: 1, tokens: 192, missing: 0 });
}

#[tokio::test]
async fn separate_call_counts_with_the_usage_of_a_call_within_it() {
    #[track_tokens(provider = "outer", separate)]
    async fn outer() -> Usage {
        ask(30, 12).await
    }
    let (recorded, _) = recorded(|| async {
        let _ = outer().await;
    })
    .await;
    assert_eq!(recorded, Recorded { outer: 1, inner: 1, tokens: 84, missing: 0 });
}

#[tokio::test]
async fn call_without_usage_belongs_to_the_attempts_within_it() {
    #[track_tokens(provider = "outer")]
    async fn outer() -> Result<Usage, StatusCode> {
        for status in [StatusCode::TOO_MANY_REQUESTS, StatusCode::BAD_GATEWAY] {
            if let Ok(usage) = refuse(status).await {
                return Ok(usage);
            }
        }
        Err(StatusCode::BAD_GATEWAY)
    }
    let (recorded, scrape) = recorded(|| async {
        let _ = outer().await;
    })
    .await;
    assert_eq!(recorded, Recorded { outer: 0, inner: 2, tokens: 0, missing: 0 });
    for error_type in ["rate_limited", "server_error"] {
        let error = [("error_type", error_type), ("finish_reason", "error")];
        assert_eq!(scrape.sum("app_llm_calls_total", &error), 1, "{error_type}");
    }
}

#[tokio::test]
async fn attempts_before_a_success_are_calls_of_their_own() {
    #[track_tokens(provider = "outer", model = "m-1", operation = "chat")]
    async fn outer() -> Result<Usage, StatusCode> {
        match refuse(StatusCode::SERVICE_UNAVAILABLE).await {
            Err(_) => Ok(ask(30, 12).await),
            usage => usage,
        }
    }
    let (recorded, scrape) = recorded(|| async {
        let _ = outer().await;
    })
    .await;
    assert_eq!(recorded, Recorded { outer: 0, inner: 2, tokens: 42, missing: 0 });
    let taken = [("model", "m-1"), ("operation", "chat"), ("provider", "inner")];
    assert_eq!(scrape.sum("app_llm_calls_total", &taken), 2, "labels of the outer attribute");
    assert_eq!(scrape.sum("app_llm_calls_total", &[("error_type", "overloaded")]), 1);
    assert_eq!(scrape.sum("app_llm_call_duration_seconds_count", &[("outcome", "error")]), 1);
}

#[tokio::test]
async fn hedged_call_that_loses_is_cancelled() {
    #[track_tokens(provider = "outer")]
    async fn outer() -> Usage {
        tokio::select! {
            usage = ask(30, 12) => usage,
            usage = never() => usage,
        }
    }
    let (recorded, scrape) = recorded(|| async {
        let _ = outer().await;
    })
    .await;
    assert_eq!(recorded, Recorded { outer: 0, inner: 2, tokens: 42, missing: 1 });
    let cancelled = [("finish_reason", "cancelled"), ("error_type", "")];
    assert_eq!(scrape.sum("app_llm_calls_total", &cancelled), 1);
    let cancelled = [("outcome", "cancelled")];
    assert_eq!(scrape.sum("app_llm_call_duration_seconds_count", &cancelled), 1);
}

#[tokio::test]
async fn hedged_call_in_a_task_that_is_aborted_is_cancelled() {
    #[track_tokens(provider = "outer")]
    async fn outer() -> Usage {
        let handle = token_usage_context::handle();
        let slow = tokio::spawn(handle.scope(never()));
        let quick = tokio::spawn(handle.scope(ask(30, 12)));
        let usage = quick.await.expect("the task does not panic");
        slow.abort();
        assert!(slow.await.is_err_and(|error| error.is_cancelled()));
        usage
    }
    let (recorded, _) = recorded(|| async {
        let _ = outer().await;
    })
    .await;
    assert_eq!(recorded, Recorded { outer: 0, inner: 2, tokens: 42, missing: 1 });
}

#[tokio::test]
async fn concurrent_calls_with_equal_usage_are_not_taken_for_one() {
    async fn handler() {
        tokio::join!(ask(30, 12), ask(30, 12), ask(30, 12));
    }
    let (recorded, _) = recorded(handler).await;
    assert_eq!(recorded, Recorded { outer: 0, inner: 3, tokens: 126, missing: 0 });
}

#[tokio::test]
async fn call_after_another_one_is_not_within_it() {
    async fn handler() {
        ask(30, 12).await;
        ask(30, 12).await;
    }
    let (recorded, _) = recorded(handler).await;
    assert_eq!(recorded, Recorded { outer: 0, inner: 2, tokens: 84, missing: 0 });
}

mod labelled {
    use super::*;

    macro_rules! labelled {
        ($($name:ident: $upper:meta, $lower:meta;)*) => {$(
            #[$upper]
            #[$lower]
            pub(super) async fn $name() -> Response {
                openai_events()
            }
        )*};
    }

    labelled! {
        track_upper: track_tokens(protocol = "openai", model = "upper", endpoint = "/upper"),
            streaming_metrics(protocol = "openai", model = "lower", endpoint = "/lower");
        unread_track_upper: track_tokens(model = "upper", endpoint = "/upper"),
            streaming_metrics(protocol = "openai", model = "lower", endpoint = "/lower");
        stream_upper: streaming_metrics(protocol = "openai", model = "upper", endpoint = "/upper"),
            track_tokens(protocol = "openai", model = "lower", endpoint = "/lower");
        stream_upper_of_unread:
            streaming_metrics(protocol = "openai", model = "upper", endpoint = "/upper"),
            track_tokens(model = "lower", endpoint = "/lower");
    }
}

#[tokio::test]
async fn labels_that_both_attributes_of_a_function_name_are_those_of_the_upper_one() {
    use labelled::*;
    for (name, handler) in [
        ("track_upper", route_get(track_upper)),
        ("unread_track_upper", route_get(unread_track_upper)),
        ("stream_upper", route_get(stream_upper)),
        ("stream_upper_of_unread", route_get(stream_upper_of_unread)),
    ] {
        let metrics = metrics();
        get(&Router::new().route("/chat", handler).layer(metrics.layer()), "/chat").await;
        let scrape = settled(&metrics);
        let upper = [("model", "upper"), ("endpoint", "/upper")];
        assert_eq!(scrape.sum("app_llm_calls_total", &upper), 1, "{name}: {scrape:#?}");
        assert_eq!(scrape.sum("app_llm_calls_total", &[]), 1, "{name}");
    }
}

#[tokio::test]
async fn labels_of_an_outer_attribute_fill_those_that_the_inner_one_lacks() {
    #[track_tokens(protocol = "openai", provider = "inner", endpoint = "/inner")]
    async fn inner() -> Response {
        ([(header::CONTENT_TYPE, "application/json")], WHOLE).into_response()
    }
    #[track_tokens(
        protocol = "openai",
        provider = "outer",
        model = "outer",
        endpoint = "/outer",
        operation = "completion"
    )]
    async fn outer() -> Response {
        inner().await
    }
    let metrics = metrics();
    get(&Router::new().route("/chat", route_get(outer)).layer(metrics.layer()), "/chat").await;
    let labels = [
        ("endpoint", "/inner"),
        ("provider", "inner"),
        ("model", "outer"),
        ("operation", "completion"),
    ];
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_llm_calls_total", &labels), 1, "{scrape:#?}");
}

#[tokio::test]
async fn recorded_usage_is_added_to_the_innermost_open_call() {
    #[track_tokens(provider = "inner")]
    async fn inner() -> Usage {
        token_usage_context::record(Usage::new(1, 2));
        Usage::new(10, 20)
    }
    #[track_tokens(provider = "outer")]
    async fn outer() -> Option<Usage> {
        inner().await;
        token_usage_context::record(Usage::new(100, 200));
        None
    }
    let (recorded, scrape) = recorded(|| async {
        let _ = outer().await;
    })
    .await;
    assert_eq!(recorded, Recorded { outer: 1, inner: 1, tokens: 333, missing: 0 });
    assert_eq!(scrape.sum("app_token_usage_total", &[("provider", "inner")]), 33);
}

#[tokio::test]
async fn call_that_panics_is_an_error_of_the_type_panic() {
    #[track_tokens(provider = "inner")]
    async fn panics() -> Usage {
        panic!("on purpose")
    }
    let (recorded, scrape) = recorded(|| async {
        assert!(tokio::spawn(token_usage_context::handle().scope(panics())).await.is_err());
    })
    .await;
    assert_eq!(recorded, Recorded { outer: 0, inner: 1, tokens: 0, missing: 0 });
    assert_eq!(scrape.sum("app_llm_calls_total", &[("error_type", "panic")]), 1);
}

/// A generator that asks two models and sends what it makes of their replies.
fn tool_loop() -> impl futures_core::Stream<Item = Result<Bytes, std::io::Error>> + Send {
    async_stream::stream! {
        for _ in 0..2 {
            ask(5, 5).await;
        }
        let mut reply = streamed().into_data_stream();
        while let Some(chunk) = reply.next().await {
            yield Ok(chunk.expect("the body does not fail"));
        }
    }
}

#[track_tokens(protocol = "openai", provider = "inner")]
fn streamed() -> Body {
    openai_events().into_body()
}

#[tokio::test]
async fn calls_in_the_generator_of_a_stream_count_once() {
    #[streaming_metrics(protocol = "openai", provider = "outer", media_type = "text/event-stream")]
    async fn parsed() -> impl futures_core::Stream<Item = Result<Bytes, std::io::Error>> {
        tool_loop()
    }
    #[track_tokens(provider = "outer")]
    async fn manual() -> Response {
        let mut response = Body::from_stream(tool_loop()).into_response();
        let events = HeaderValue::from_static("text/event-stream");
        response.headers_mut().insert(header::CONTENT_TYPE, events);
        response
    }
    let tokens = 20 + OPENAI.total();
    for handler in [route_get(parsed), route_get(manual)] {
        let metrics = metrics();
        let app = Router::new().route("/chat", handler).layer(metrics.layer());
        get(&app, "/chat").await;
        let scrape = settled(&metrics);
        assert_eq!(scrape.sum("app_token_usage_total", &[]), tokens, "{scrape:#?}");
        assert_eq!(scrape.sum("app_llm_calls_total", &[("provider", "inner")]), 3);
        assert_eq!(scrape.sum("app_llm_calls_total", &[]), 3, "{scrape:#?}");
    }
}

#[tokio::test]
async fn instance_within_another_one_counts_its_own_call_and_stream() {
    #[streaming_metrics(protocol = "openai", provider = "inner")]
    async fn inner() -> Response {
        openai_events()
    }
    #[streaming_metrics(protocol = "openai", provider = "outer")]
    async fn outer(app: Router) -> Response {
        send(&app, Method::GET, "/inner").await
    }
    let [inside, outside] = [metrics(), metrics()];
    let inner_app = Router::new().route("/inner", route_get(inner)).layer(inside.layer());
    let handler = route_get(move || outer(inner_app.clone()));
    let app = Router::new().route("/outer", handler).layer(outside.layer());
    get(&app, "/outer").await;
    for (metrics, provider) in [(inside, "inner"), (outside, "outer")] {
        let scrape = settled(&metrics);
        let call = [("provider", provider), ("finish_reason", "stop")];
        assert_eq!(scrape.sum("app_llm_calls_total", &call), 1, "{scrape:#?}");
        assert_eq!(scrape.sum("app_llm_calls_total", &[]), 1);
        assert_eq!(scrape.sum("app_token_usage_total", &[]), OPENAI.total());
        assert_eq!(scrape.sum("app_stream_duration_seconds_count", &[]), 1, "{provider}");
    }
}

#[tokio::test]
async fn calls_of_a_long_stream_are_all_counted() {
    #[streaming_metrics]
    async fn long() -> Body {
        Body::from_stream(stream::iter(0..5_000).then(async |_| {
            ask(1, 1).await;
            Ok::<_, std::io::Error>("x")
        }))
    }
    let metrics = metrics();
    let app = Router::new().route("/chat", route_get(long)).layer(metrics.layer());
    get(&app, "/chat").await;
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_llm_calls_total", &[]), 5_000);
    assert_eq!(scrape.sum("app_llm_calls_per_request_sum", &[]), 5_000);
}

#[tokio::test]
async fn usage_is_not_lost_if_the_inner_attribute_names_another_protocol() {
    #[track_tokens(protocol = "ollama", provider = "inner")]
    async fn inner(reply: fn() -> Response) -> Response {
        reply()
    }
    #[streaming_metrics(protocol = "openai", provider = "outer")]
    async fn outer(reply: fn() -> Response) -> Response {
        inner(reply).await
    }
    fn whole() -> Response {
        ([(header::CONTENT_TYPE, "application/json")], WHOLE).into_response()
    }
    for (reply, tokens) in [(whole as fn() -> Response, 42), (openai_events, OPENAI.total())] {
        let metrics = metrics();
        let handler = route_get(move || outer(reply));
        get(&Router::new().route("/chat", handler).layer(metrics.layer()), "/chat").await;
        let scrape = settled(&metrics);
        let outer = [("provider", "outer")];
        assert_eq!(scrape.sum("app_token_usage_total", &outer), tokens, "{scrape:#?}");
        assert_eq!(scrape.sum("app_token_usage_total", &[]), tokens);
    }
}

#[tokio::test]
async fn own_stream_that_begins_like_an_open_call_keeps_its_usage() {
    const FIRST: &str = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}\n\n";
    const LAST: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\
                        \"usage\":{\"prompt_tokens\":70,\"completion_tokens\":7}}\n\n\
                        data: [DONE]\n\n";
    #[track_tokens(protocol = "openai", provider = "inner")]
    fn inner() -> Body {
        Body::from_stream(source(vec![FIRST], Ending::Pending))
    }
    #[track_tokens(protocol = "openai", provider = "outer")]
    fn outer() -> Body {
        let mut beside = inner().into_data_stream();
        let own = source(vec![FIRST, LAST], Ending::Complete);
        Body::from_stream(async_stream::stream! {
            let first = beside.next().await.expect("the inner stream has a chunk");
            assert_eq!(first.expect("the chunk is not an error"), FIRST);
            for await chunk in own {
                yield chunk;
            }
            drop(beside);
        })
    }
    let (recorded, _) = recorded(|| async {
        outer().into_data_stream().count().await;
    })
    .await;
    assert_eq!(recorded, Recorded { outer: 1, inner: 1, tokens: 77, missing: 1 });
}
