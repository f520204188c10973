//! `#[track_tokens]` and `#[streaming_metrics]` on one function: the call to which a stream
//! belongs.

use std::convert::Infallible;

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get as route_get};
use axum::{Json, Router};
use futures_util::{StreamExt, join, stream};
use serde_json::Value;
use streamgauge::{Metrics, streaming_metrics, track_tokens};
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::{get, metrics, settled};

use crate::sample_replies::{Ending, OPENAI, source};

const REPLY: &str =
    r#"{"model":"m-1","choices":[],"usage":{"prompt_tokens":12,"completion_tokens":5}}"#;

async fn scrape_after(handler: MethodRouter) -> Scrape {
    let metrics = metrics();
    get(&Router::new().route("/", handler).layer(metrics.layer()), "/").await;
    settled(&metrics)
}

fn tokens(scrape: &Scrape, labels: &[(&str, &str)]) -> i64 {
    scrape.sum("app_token_usage_total", labels)
}

fn chat() -> Body {
    Body::from_stream(source(OPENAI.frames(), Ending::Complete))
}

type Events = Sse<stream::Iter<std::array::IntoIter<Result<Event, Infallible>, 2>>>;

fn events() -> Events {
    let usage = "{\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}";
    Sse::new(stream::iter([Ok(Event::default().data(usage)), Ok(Event::default().data("[DONE]"))]))
}

#[streaming_metrics(protocol = "openai")]
#[track_tokens(model = model)]
async fn stream_then_track(model: &'static str) -> Events {
    events()
}

#[track_tokens(model = model)]
#[streaming_metrics(protocol = "openai")]
async fn track_then_stream(model: &'static str) -> Events {
    events()
}

#[track_tokens(protocol = "openai", model = model)]
async fn tracked(model: &'static str) -> Events {
    events()
}

#[tokio::test]
async fn call_whose_reply_is_dropped_is_missing_usage() {
    let stream_first = route_get(async || {
        drop(stream_then_track("big").await);
        stream_then_track("small").await
    });
    let track_first = route_get(async || {
        drop(track_then_stream("big").await);
        track_then_stream("small").await
    });
    let track_only = route_get(async || {
        drop(tracked("big").await);
        tracked("small").await
    });
    for handler in [stream_first, track_first, track_only] {
        let scrape = scrape_after(handler).await;
        assert_eq!(tokens(&scrape, &[("model", "small")]), 2, "{scrape:#?}");
        assert_eq!(tokens(&scrape, &[]), 2);
        let missing = |model| scrape.sum("app_usage_missing_total", &[("model", model)]);
        assert_eq!((missing("big"), missing("small")), (1, 0));
    }
}

/// A tracked function must not take over the reply of another function that is served after it.
#[tokio::test]
async fn call_takes_no_reply_of_another_function() {
    #[streaming_metrics(protocol = "openai")]
    async fn untracked() -> Events {
        events()
    }
    #[track_tokens(model = "small-1")]
    async fn other() -> Body {
        Body::from_stream(stream::empty::<Result<&str, Infallible>>())
    }
    let scrape = scrape_after(route_get(async || {
        drop(other().await);
        untracked().await
    }))
    .await;
    assert_eq!(tokens(&scrape, &[("model", "")]), 2, "{scrape:#?}");
    assert_eq!(scrape.sum("app_usage_missing_total", &[("model", "small-1")]), 1);
}

struct Metered;
struct Tracked;
struct Both;

trait Chat {
    fn trait_chat() -> Body;
}

macro_rules! chats {
    ($ty:ident, $($attribute:meta),*) => {
        impl $ty {
            $(#[$attribute])*
            fn chat() -> Body {
                chat()
            }
        }

        impl Chat for $ty {
            $(#[$attribute])*
            fn trait_chat() -> Body {
                chat()
            }
        }
    };
}

chats!(Metered, streaming_metrics(protocol = "openai"));
chats!(Tracked, track_tokens(protocol = "openai", model = "tracked"));
chats!(Both, track_tokens(model = "both"), streaming_metrics(protocol = "openai"));

#[tokio::test]
async fn call_sites_from_one_macro_are_separate() {
    for (handler, model) in [
        (route_get(async || Metered::chat()), "m-1"),
        (route_get(async || Metered::trait_chat()), "m-1"),
        (route_get(async || Tracked::chat()), "tracked"),
        (route_get(async || Tracked::trait_chat()), "tracked"),
        (route_get(async || Both::chat()), "both"),
        (route_get(async || Both::trait_chat()), "both"),
    ] {
        let scrape = scrape_after(handler).await;
        assert_eq!(tokens(&scrape, &[("model", model)]), OPENAI.total(), "{model}: {scrape:#?}");
        assert_eq!(scrape.sum("app_llm_calls_total", &[]), 1, "{model}");
    }
}

#[tokio::test]
async fn call_sites_of_one_name_in_two_blocks_are_separate() {
    let tracked = {
        #[track_tokens(protocol = "openai", model = "tracked")]
        fn local_chat() -> Body {
            chat()
        }
        route_get(async || local_chat())
    };
    let metered = {
        #[streaming_metrics(protocol = "openai")]
        fn local_chat() -> Body {
            chat()
        }
        route_get(async || local_chat())
    };
    for (handler, model) in [(tracked, "tracked"), (metered, "m-1")] {
        let scrape = scrape_after(handler).await;
        assert_eq!(tokens(&scrape, &[("model", model)]), OPENAI.total(), "{model}: {scrape:#?}");
        assert_eq!(scrape.sum("app_llm_calls_total", &[]), 1, "{model}");
    }
}

#[track_tokens(model = model, provider = "house")]
#[streaming_metrics(protocol = "openai", model = "not-this")]
async fn track_then_stream_outside_request(model: &'static str) -> Body {
    tokio::task::yield_now().await;
    chat()
}

#[streaming_metrics(protocol = "openai")]
#[track_tokens(model = model, provider = "house")]
async fn stream_then_track_outside_request(model: &'static str) -> Body {
    tokio::task::yield_now().await;
    chat()
}

#[tokio::test]
async fn call_labels_apply_outside_a_request() {
    for model in ["one", "two"] {
        let body = track_then_stream_outside_request(model).await;
        body.into_data_stream().count().await;
        stream_then_track_outside_request(model).await.into_data_stream().count().await;
    }
    let (tracked_three, tracked_four) = join!(
        track_then_stream_outside_request("three"),
        track_then_stream_outside_request("four")
    );
    let (metered_three, metered_four) = join!(
        stream_then_track_outside_request("three"),
        stream_then_track_outside_request("four")
    );
    for body in [tracked_four, tracked_three, metered_four, metered_three] {
        body.into_data_stream().count().await;
    }
    let scrape = Scrape::of(Metrics::global());
    for endpoint in ["track_then_stream_outside_request", "stream_then_track_outside_request"] {
        for model in ["one", "two", "three", "four"] {
            let labels = [("endpoint", endpoint), ("model", model), ("provider", "house")];
            assert_eq!(tokens(&scrape, &labels), OPENAI.total(), "{endpoint} {model}");
        }
        assert_eq!(scrape.sum("app_llm_calls_total", &[("endpoint", endpoint)]), 4);
    }
}

#[tokio::test]
async fn json_reply_is_parsed_whether_or_not_it_is_sent() {
    #[track_tokens(protocol = "openai")]
    async fn ask() -> Json<Value> {
        Json(serde_json::from_str(REPLY).expect("the reply is JSON"))
    }
    let unsent = route_get(async || {
        let _ = ask().await;
        "the answer"
    });
    for handler in [unsent, route_get(ask)] {
        let scrape = scrape_after(handler).await;
        assert_eq!(tokens(&scrape, &[("model", "m-1")]), 17, "{scrape:#?}");
        assert_eq!(scrape.sum("app_llm_calls_total", &[]), 1);
        assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0);
    }
}

#[tokio::test]
async fn event_stream_call_does_not_parse_another_response_body() {
    let scrape = scrape_after(route_get(async || {
        drop(tracked("m-1").await);
        REPLY
    }))
    .await;
    assert_eq!(tokens(&scrape, &[]), 0);
    assert_eq!(scrape.sum("app_usage_missing_total", &[("reason", "not_sent")]), 1);
}

#[tokio::test]
async fn error_status_of_the_response_fails_the_call() {
    #[track_tokens(protocol = "openai")]
    #[streaming_metrics(protocol = "openai")]
    async fn opaque() -> impl IntoResponse {
        StatusCode::TOO_MANY_REQUESTS
    }
    #[streaming_metrics(protocol = "openai")]
    #[track_tokens]
    async fn both() -> Response {
        (StatusCode::BAD_GATEWAY, "no").into_response()
    }
    #[track_tokens]
    async fn unread() -> Response {
        (StatusCode::TOO_MANY_REQUESTS, "no").into_response()
    }
    for (handler, error_type) in [
        (route_get(opaque), "rate_limited"),
        (route_get(both), "server_error"),
        (route_get(unread), "rate_limited"),
    ] {
        let scrape = scrape_after(handler).await;
        let failed = [("finish_reason", "error"), ("error_type", error_type)];
        assert_eq!(scrape.sum("app_llm_calls_total", &failed), 1, "{scrape:#?}");
        assert_eq!(scrape.sum("app_llm_calls_total", &[]), 1);
        assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0);
    }
}
