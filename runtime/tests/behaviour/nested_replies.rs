//! One reply is one call, however many attributes it passes through: attributes on one function and
//! on nested ones, in both orders, for whole and streamed replies, in one task and across tasks.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get as route_get;
use futures_util::{FutureExt, StreamExt, stream};
use http_body_util::BodyExt;
use streamgauge::{streaming_metrics, token_usage_context, track_tokens};
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::{metrics, send, settled};

use crate::sample_replies::{ANTHROPIC, Ending, source};

type Reply = Pin<Box<dyn Future<Output = Response> + Send>>;

/// What the model sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delivery {
    /// A JSON document.
    Whole,
    /// A stream of events, with usage in its first and its last frames.
    Events,
    /// The status 429.
    Refused,
    /// A stream that ends with an error event.
    ErrorEvent,
    /// A stream that ends without a finish reason and without an end marker.
    Truncated,
    /// A stream whose source panics.
    Panics,
}

const WHOLE: &str = "{\"object\":\"chat.completion\",\"model\":\"m-1\",\
                     \"choices\":[{\"message\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}],\
                     \"usage\":{\"prompt_tokens\":30,\"completion_tokens\":12}}";

impl Delivery {
    const ALL: [Self; 6] =
        [Self::Whole, Self::Events, Self::Refused, Self::ErrorEvent, Self::Truncated, Self::Panics];

    fn response(self) -> Response {
        let json = [(header::CONTENT_TYPE, "application/json")];
        let begun = vec![ANTHROPIC.opening, ANTHROPIC.tokens[0]];
        let (frames, ending) = match self {
            Self::Whole => return (json, WHOLE).into_response(),
            Self::Refused => return (StatusCode::TOO_MANY_REQUESTS, json, "{}").into_response(),
            Self::Events => (ANTHROPIC.frames(), Ending::Complete),
            Self::ErrorEvent => ([begun, vec![ANTHROPIC.error]].concat(), Ending::Complete),
            Self::Truncated => (begun, Ending::Complete),
            Self::Panics => (begun, Ending::Panic),
        };
        let body = Body::from_stream(source(frames, ending));
        ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response()
    }

    /// Whether the client gets a stream of events.
    fn is_stream(self) -> bool {
        !matches!(self, Self::Whole | Self::Refused)
    }

    /// The tokens that a reader of the whole reply finds.
    fn tokens(self) -> i64 {
        match self {
            Self::Whole => 42,
            Self::Events => ANTHROPIC.total(),
            Self::Refused => 0,
            Self::ErrorEvent | Self::Truncated | Self::Panics => ANTHROPIC.partial_tokens,
        }
    }

    /// The outcome and the error type of a call whose reply is read.
    fn end(self) -> (&'static str, &'static str) {
        match self {
            Self::Whole | Self::Events => ("success", ""),
            Self::Refused => ("error", "rate_limited"),
            Self::ErrorEvent => ("error", "protocol"),
            Self::Truncated => ("truncated", "truncated"),
            Self::Panics => ("error", "panic"),
        }
    }

    /// The outcome and the error type of a call whose reply nothing reads.
    fn end_unread(self) -> (&'static str, &'static str) {
        match self {
            Self::ErrorEvent | Self::Truncated => ("success", ""),
            delivery => delivery.end(),
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
    tracked: #[track_tokens(protocol = "auto", provider = "house")] => true, true, None;
    named: #[track_tokens(protocol = "anthropic", provider = "house")] => true, true, None;
    manual: #[track_tokens(provider = "house")] => true, false, None;
    metered: #[streaming_metrics] => false, false, Some(false);
    parsed: #[streaming_metrics(protocol = "auto", provider = "house")]
        => true, true, Some(true);
    tracked_and_parsed: #[track_tokens(protocol = "auto", provider = "house")]
        #[streaming_metrics(protocol = "auto")] => true, true, Some(true);
    parsed_and_tracked: #[streaming_metrics(protocol = "auto")]
        #[track_tokens(protocol = "auto", provider = "house")] => true, true, Some(true);
    manual_and_parsed: #[track_tokens(provider = "house")]
        #[streaming_metrics(protocol = "auto")] => true, true, Some(true);
    parsed_and_manual: #[streaming_metrics(protocol = "auto")]
        #[track_tokens(provider = "house")] => true, true, Some(true);
    metered_and_tracked: #[streaming_metrics]
        #[track_tokens(protocol = "auto", provider = "house")] => true, true, Some(false);
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

/// Serves a handler to a client, and scrapes.
async fn scrape_after(
    handler: impl Fn() -> Reply + Clone + Send + Sync + 'static,
    client: Client,
) -> Scrape {
    let metrics = metrics();
    let app = Router::new().route("/chat", route_get(handler)).layer(metrics.layer());
    let mut body = send(&app, Method::GET, "/chat").await.into_body();
    let mut next = async || AssertUnwindSafe(body.frame()).catch_unwind().await;
    match client {
        Client::ReadsAll => while let Ok(Some(Ok(_))) = next().await {},
        Client::Disconnects => assert!(matches!(next().await, Ok(Some(Ok(_))))),
    }
    drop(body);
    settled(&metrics)
}

/// A reply that passes through two functions.
struct Nesting<'a> {
    outer: &'a Attributes,
    inner: &'a Attributes,
    between: Between,
    delivery: Delivery,
    client: Client,
}

impl Nesting<'_> {
    async fn scrape(&self) -> Scrape {
        let &Self { outer, inner, between, delivery, client } = self;
        let (call_outer, call_inner) = (outer.call, inner.call);
        let handler = move || -> Reply {
            Box::pin(async move {
                let ask = call_inner(Box::pin(async move { delivery.response() }));
                call_outer(between.pass(ask)).await
            })
        };
        scrape_after(handler, client).await
    }

    fn is_cut(&self) -> bool {
        self.client == Client::Disconnects
    }

    fn reads(&self) -> bool {
        self.outer.reads || self.inner.reads
    }

    /// Whether a function names another protocol than that of the reply.
    fn is_misnamed(&self) -> bool {
        let names = [self.outer.name, self.inner.name];
        self.delivery == Delivery::Whole && names.contains(&"named")
    }

    /// The tokens that the attributes have found when the reply ends.
    fn tokens(&self) -> i64 {
        match (self.reads(), self.is_cut()) {
            (false, _) => 0,
            (true, false) => self.delivery.tokens(),
            // The first frame has the input. The outer function gets only a piece of it.
            (true, true) if self.between == Between::Rechunk && !self.inner.reads => 0,
            (true, true) => ANTHROPIC.partial_tokens,
        }
    }

    fn end(&self) -> (&'static str, &'static str) {
        match (self.is_cut(), self.reads()) {
            (true, _) => ("cancelled", ""),
            (false, true) => self.delivery.end(),
            (false, false) => self.delivery.end_unread(),
        }
    }

    fn streams(&self) -> i64 {
        let is_metered = |one: &Attributes| match one.meters {
            None => false,
            Some(false) => true,
            Some(true) => self.delivery.is_stream(),
        };
        i64::from(is_metered(self.outer) || is_metered(self.inner))
    }

    fn check(&self, scrape: &Scrape) {
        let &Self { outer, inner, between, delivery, client } = self;
        let name =
            format!("{} around {}, {delivery:?}, {between:?}, {client:?}", outer.name, inner.name);
        let equal = |family: &str, labels: &[(&str, &str)], expected: i64| {
            let actual = scrape.sum(&format!("app_{family}"), labels);
            assert_eq!(actual, expected, "{family}{labels:?} of {name}: {scrape:#?}");
        };
        let calls = i64::from(outer.is_call || inner.is_call);
        equal("llm_calls_total", &[], calls);
        equal("llm_calls_per_request_sum", &[], calls);
        equal("llm_calls_total", &[("provider", "house")], calls);
        let (outcome, error_type) = self.end();
        equal("llm_call_duration_seconds_count", &[("outcome", outcome)], calls);
        equal("llm_calls_total", &[("error_type", error_type)], calls);
        equal("token_usage_total", &[], self.tokens());
        let is_missing = self.tokens() == 0 && outcome != "error";
        equal("usage_missing_total", &[], if is_missing { calls } else { 0 });
        equal("stream_duration_seconds_count", &[], self.streams());
    }
}

#[tokio::test]
async fn reply_is_one_call_whatever_attributes_it_passes_through() {
    let attributes = all_attributes();
    let mut nestings = 0;
    for (outer, inner) in
        attributes.iter().flat_map(|outer| attributes.iter().map(move |inner| (outer, inner)))
    {
        for between in [Between::Await, Between::Spawn, Between::Rechunk] {
            let ends = Delivery::ALL.map(|delivery| (delivery, Client::ReadsAll));
            for (delivery, client) in
                ends.into_iter().chain([(Delivery::Events, Client::Disconnects)])
            {
                let nesting = Nesting { outer, inner, between, delivery, client };
                if !nesting.is_misnamed() {
                    nesting.check(&nesting.scrape().await);
                    nestings += 1;
                }
            }
        }
    }
    assert_eq!(nestings, 11 * 11 * 3 * 7 - 21 * 3);
}
