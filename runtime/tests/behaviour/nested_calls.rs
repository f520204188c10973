//! One reply is one call, however many attributes it passes through: attributes on one function and
//! on nested ones, in both orders, for whole and streamed replies, in one task and across tasks.

use std::future::Future;
use std::pin::Pin;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get as route_get;
use futures_util::{StreamExt, stream};
use http_body_util::BodyExt;
use streamgauge::{Usage, streaming_metrics, token_usage_context, track_tokens};
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::{get, metrics, send, settled};

use crate::sample_replies::OPENAI;

type Reply = Pin<Box<dyn Future<Output = Response> + Send>>;

/// How the model sends its reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delivery {
    Whole,
    Events,
}

const WHOLE: &str = "{\"object\":\"chat.completion\",\"model\":\"m-1\",\
                     \"choices\":[{\"message\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}],\
                     \"usage\":{\"prompt_tokens\":30,\"completion_tokens\":12}}";

impl Delivery {
    fn response(self) -> Response {
        match self {
            Self::Whole => ([(header::CONTENT_TYPE, "application/json")], WHOLE).into_response(),
            Self::Events => {
                let frames = OPENAI.frames().into_iter().map(Ok::<_, std::io::Error>);
                let body = Body::from_stream(stream::iter(frames));
                ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response()
            }
        }
    }

    fn tokens(self) -> i64 {
        match self {
            Self::Whole => 42,
            Self::Events => OPENAI.total(),
        }
    }
}

/// The attributes of a function, outermost last.
struct Attributes {
    name: &'static str,
    call: fn(Reply) -> Reply,
    /// Whether the function is a call.
    is_call: bool,
    /// Whether one of its attributes reads the reply.
    reads: bool,
    /// Whether an attribute meters streams, and whether it reads them.
    meters: Option<bool>,
}

macro_rules! attributes {
    ($(
        $name:ident: $(#[$attribute:meta])* => $is_call:literal, $reads:literal, $meters:expr;
    )*) => {
        /// The attributes of the function that asks the model, and of the one around it.
        fn all_attributes() -> Vec<Attributes> {
            mod inner {
                use super::*;
                $(
                    $(#[$attribute])*
                    pub(super) async fn $name(reply: Reply) -> Response {
                        reply.await
                    }
                )*
            }
            vec![$(Attributes {
                name: stringify!($name),
                call: |reply| Box::pin(inner::$name(reply)),
                is_call: $is_call,
                reads: $reads,
                meters: $meters,
            }),*]
        }
    };
}

attributes! {
    none: => false, false, None;
    tracked: #[track_tokens(protocol = "openai", provider = "house")] => true, true, None;
    detected: #[track_tokens(protocol = "auto", provider = "house")] => true, true, None;
    manual: #[track_tokens(provider = "house")] => true, false, None;
    metered: #[streaming_metrics] => false, false, Some(false);
    parsed: #[streaming_metrics(protocol = "openai", provider = "house")]
        => true, true, Some(true);
    tracked_and_parsed: #[track_tokens(protocol = "openai", provider = "house")]
        #[streaming_metrics(protocol = "openai")] => true, true, Some(true);
    parsed_and_tracked: #[streaming_metrics(protocol = "openai")]
        #[track_tokens(protocol = "openai", provider = "house")] => true, true, Some(true);
    manual_and_parsed: #[track_tokens(provider = "house")]
        #[streaming_metrics(protocol = "openai")] => true, true, Some(true);
    parsed_and_manual: #[streaming_metrics(protocol = "openai")]
        #[track_tokens(provider = "house")] => true, true, Some(true);
    metered_and_tracked: #[streaming_metrics]
        #[track_tokens(protocol = "openai", provider = "house")] => true, true, Some(false);
}

/// What is between the two functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Between {
    /// The outer function awaits the inner one.
    Await,
    /// The inner function runs in a spawned task, which carries a handle.
    Spawn,
    /// The outer function sends the bytes in pieces of another size.
    Rechunk,
}

impl Between {
    fn pass(self, inner: Reply) -> Reply {
        match self {
            Self::Await => inner,
            Self::Spawn => Box::pin(async {
                let handle = token_usage_context::handle();
                tokio::spawn(handle.scope(inner)).await.expect("the task does not panic")
            }),
            Self::Rechunk => Box::pin(async {
                inner.await.map(|body| {
                    let pieces = body.into_data_stream().flat_map(|chunk| {
                        let chunk = chunk.expect("the body does not fail");
                        let pieces: Vec<_> = chunk.chunks(7).map(Bytes::copy_from_slice).collect();
                        stream::iter(pieces.into_iter().map(Ok::<_, std::io::Error>))
                    });
                    Body::from_stream(pieces)
                })
            }),
        }
    }
}

/// How the client reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Client {
    ReadsAll,
    /// Disconnects after the first frame.
    Disconnects,
}

async fn scrape_after(
    handler: impl Fn() -> Reply + Clone + Send + Sync + 'static,
    client: Client,
) -> Scrape {
    let metrics = metrics();
    let app = Router::new().route("/chat", route_get(handler)).layer(metrics.layer());
    match client {
        Client::ReadsAll => drop(get(&app, "/chat").await),
        Client::Disconnects => {
            let mut body = send(&app, Method::GET, "/chat").await.into_body();
            body.frame().await.expect("the body has a frame").expect("the frame is not an error");
        }
    }
    settled(&metrics)
}

#[tokio::test]
async fn reply_is_one_call_whatever_attributes_it_passes_through() {
    let mut nestings = 0;
    for (outer, inner) in all_attributes()
        .iter()
        .flat_map(|outer| all_attributes().into_iter().map(move |inner| (outer, inner)))
    {
        for delivery in [Delivery::Whole, Delivery::Events] {
            for between in [Between::Await, Between::Spawn, Between::Rechunk] {
                for client in [Client::ReadsAll, Client::Disconnects] {
                    let is_cut = client == Client::Disconnects && delivery == Delivery::Events;
                    if client == Client::Disconnects && !is_cut {
                        continue;
                    }
                    let (call_outer, call_inner) = (outer.call, inner.call);
                    let handler = move || -> Reply {
                        Box::pin(async move {
                            let ask = call_inner(Box::pin(async move { delivery.response() }));
                            call_outer(between.pass(ask)).await
                        })
                    };
                    let scrape = scrape_after(handler, client).await;
                    let name = format!(
                        "{} around {}, {delivery:?}, {between:?}, {client:?}",
                        outer.name, inner.name
                    );
                    let is_call = outer.is_call || inner.is_call;
                    let reads = outer.reads || inner.reads;
                    assert_eq!(
                        scrape.sum("app_llm_calls_total", &[]),
                        i64::from(is_call),
                        "{name}: {scrape:#?}"
                    );
                    if !is_cut {
                        let tokens = if reads { delivery.tokens() } else { 0 };
                        assert_eq!(scrape.sum("app_token_usage_total", &[]), tokens, "{name}");
                        let missing = i64::from(is_call && !reads);
                        assert_eq!(scrape.sum("app_usage_missing_total", &[]), missing, "{name}");
                        let stops = [("finish_reason", "stop"), ("provider", "house")];
                        assert_eq!(
                            scrape.sum("app_llm_calls_total", &stops),
                            i64::from(reads),
                            "{name}: {scrape:#?}"
                        );
                    } else if reads {
                        let cancelled = [("finish_reason", "cancelled")];
                        assert_eq!(
                            scrape.sum("app_llm_calls_total", &cancelled),
                            1,
                            "{name}: {scrape:#?}"
                        );
                    }
                    assert_eq!(
                        scrape.sum("app_llm_calls_per_request_sum", &[]),
                        i64::from(is_call),
                        "{name}"
                    );
                    let is_stream = |attributes: &Attributes| match (attributes.meters, delivery) {
                        (None, _) => false,
                        (Some(_), Delivery::Events) => true,
                        (Some(reads), Delivery::Whole) => !reads,
                    };
                    assert_eq!(
                        scrape.sum("app_stream_duration_seconds_count", &[]),
                        i64::from(is_stream(outer) || is_stream(&inner)),
                        "{name}: {scrape:#?}"
                    );
                    nestings += 1;
                }
            }
        }
    }
    assert!(nestings > 1000, "{nestings}");
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

/// What a nesting of calls records: the calls by provider, the tokens, and the calls by error type
/// and finish reason.
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
                Delivery::Events.response()
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
        Delivery::Whole.response()
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
    Delivery::Events.response().into_body()
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
        Delivery::Events.response()
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
    async fn inner(delivery: Delivery) -> Response {
        delivery.response()
    }
    #[streaming_metrics(protocol = "openai", provider = "outer")]
    async fn outer(delivery: Delivery) -> Response {
        inner(delivery).await
    }
    for delivery in [Delivery::Whole, Delivery::Events] {
        let scrape = scrape_after(move || Box::pin(outer(delivery)), Client::ReadsAll).await;
        let tokens = [("provider", "outer")];
        assert_eq!(scrape.sum("app_token_usage_total", &tokens), delivery.tokens(), "{scrape:#?}");
        assert_eq!(scrape.sum("app_token_usage_total", &[]), delivery.tokens());
    }
}
