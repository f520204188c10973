//! `#[track_tokens]` and `#[streaming_metrics]` on one function: which call a stream is the reply of.

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

use crate::samples::{OPENAI, Then, source};

const WHOLE: &str =
    r#"{"model":"m-1","choices":[],"usage":{"prompt_tokens":12,"completion_tokens":5}}"#;

async fn after(handler: MethodRouter) -> Scrape {
    let metrics = metrics();
    get(&Router::new().route("/", handler).layer(metrics.layer()), "/").await;
    settled(&metrics)
}

fn tokens(scrape: &Scrape, labels: &[(&str, &str)]) -> i64 {
    scrape.sum("app_token_usage_total", labels)
}

fn chat() -> Body {
    Body::from_stream(source(OPENAI.whole(), Then::End))
}

type Events = Sse<stream::Iter<std::array::IntoIter<Result<Event, Infallible>, 2>>>;

fn events() -> Events {
    let usage = "{\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}";
    Sse::new(stream::iter([Ok(Event::default().data(usage)), Ok(Event::default().data("[DONE]"))]))
}

#[streaming_metrics(protocol = "openai")]
#[track_tokens(model = model)]
async fn tracked_outside(model: &'static str) -> Events {
    events()
}

#[track_tokens(model = model)]
#[streaming_metrics(protocol = "openai")]
async fn tracked_inside(model: &'static str) -> Events {
    events()
}

#[track_tokens(protocol = "openai", model = model)]
async fn tracked(model: &'static str) -> Events {
    events()
}

#[tokio::test]
async fn of_two_replies_the_one_that_is_sent_is_read() {
    let outside = route_get(async || {
        drop(tracked_outside("big").await);
        tracked_outside("small").await
    });
    let inside = route_get(async || {
        drop(tracked_inside("big").await);
        tracked_inside("small").await
    });
    let alone = route_get(async || {
        drop(tracked("big").await);
        tracked("small").await
    });
    for handler in [outside, inside, alone] {
        let scrape = after(handler).await;
        assert_eq!(tokens(&scrape, &[("model", "small")]), 2, "{scrape:#?}");
        assert_eq!(tokens(&scrape, &[]), 2);
        let missing = |model| scrape.sum("app_usage_missing_total", &[("model", model)]);
        assert_eq!((missing("big"), missing("small")), (1, 0));
    }
}

/// A function that begins before another's reply is claimed takes no call but its own.
#[tokio::test]
async fn a_reply_is_no_call_of_another_function() {
    #[streaming_metrics(protocol = "openai")]
    async fn untracked() -> Events {
        events()
    }
    #[track_tokens(model = "small-1")]
    async fn other() -> Body {
        Body::from_stream(stream::empty::<Result<&str, Infallible>>())
    }
    let scrape = after(route_get(async || {
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
    fn asked() -> Body;
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
            fn asked() -> Body {
                chat()
            }
        }
    };
}

chats!(Metered, streaming_metrics(protocol = "openai"));
chats!(Tracked, track_tokens(protocol = "openai", model = "tracked"));
chats!(Both, track_tokens(model = "both"), streaming_metrics(protocol = "openai"));

#[tokio::test]
async fn functions_that_one_macro_makes_are_several() {
    for (handler, model) in [
        (route_get(async || Metered::chat()), "m-1"),
        (route_get(async || Metered::asked()), "m-1"),
        (route_get(async || Tracked::chat()), "tracked"),
        (route_get(async || Tracked::asked()), "tracked"),
        (route_get(async || Both::chat()), "both"),
        (route_get(async || Both::asked()), "both"),
    ] {
        let scrape = after(handler).await;
        assert_eq!(tokens(&scrape, &[("model", model)]), OPENAI.total(), "{model}: {scrape:#?}");
        assert_eq!(scrape.sum("app_llm_calls_total", &[]), 1, "{model}");
    }
}

#[tokio::test]
async fn functions_of_one_name_in_two_blocks_are_several() {
    let tracked = {
        #[track_tokens(protocol = "openai", model = "tracked")]
        fn asked() -> Body {
            chat()
        }
        route_get(async || asked())
    };
    let metered = {
        #[streaming_metrics(protocol = "openai")]
        fn asked() -> Body {
            chat()
        }
        route_get(async || asked())
    };
    for (handler, model) in [(tracked, "tracked"), (metered, "m-1")] {
        let scrape = after(handler).await;
        assert_eq!(tokens(&scrape, &[("model", model)]), OPENAI.total(), "{model}: {scrape:#?}");
        assert_eq!(scrape.sum("app_llm_calls_total", &[]), 1, "{model}");
    }
}

#[track_tokens(model = model, provider = "house")]
#[streaming_metrics(protocol = "openai", model = "not-this")]
async fn alone_inside(model: &'static str) -> Body {
    tokio::task::yield_now().await;
    chat()
}

#[streaming_metrics(protocol = "openai", model = "not-this")]
#[track_tokens(model = model, provider = "house")]
async fn alone_outside(model: &'static str) -> Body {
    tokio::task::yield_now().await;
    chat()
}

#[tokio::test]
async fn outside_a_request_the_calls_labels_count_too() {
    for model in ["one", "two"] {
        let inside = alone_inside(model).await;
        inside.into_data_stream().count().await;
        alone_outside(model).await.into_data_stream().count().await;
    }
    let (one, two) = join!(alone_inside("three"), alone_inside("four"));
    let (three, four) = join!(alone_outside("three"), alone_outside("four"));
    for body in [two, one, four, three] {
        body.into_data_stream().count().await;
    }
    let scrape = Scrape::of(Metrics::global());
    for endpoint in ["alone_inside", "alone_outside"] {
        for model in ["one", "two", "three", "four"] {
            let labels = [("endpoint", endpoint), ("model", model), ("provider", "house")];
            assert_eq!(tokens(&scrape, &labels), OPENAI.total(), "{endpoint} {model}");
        }
        assert_eq!(scrape.sum("app_llm_calls_total", &[("endpoint", endpoint)]), 4);
    }
}

#[tokio::test]
async fn a_json_value_is_read_wherever_it_goes() {
    #[track_tokens(protocol = "openai")]
    async fn ask() -> Json<Value> {
        Json(serde_json::from_str(WHOLE).expect("it is JSON"))
    }
    let helper = route_get(async || {
        let _ = ask().await;
        "the answer"
    });
    for handler in [helper, route_get(ask)] {
        let scrape = after(handler).await;
        assert_eq!(tokens(&scrape, &[("model", "m-1")]), 17, "{scrape:#?}");
        assert_eq!(scrape.sum("app_llm_calls_total", &[]), 1);
        assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0);
    }
}

#[tokio::test]
async fn a_claim_of_events_reads_no_other_body() {
    let scrape = after(route_get(async || {
        drop(tracked("m-1").await);
        WHOLE
    }))
    .await;
    assert_eq!(tokens(&scrape, &[]), 0);
    assert_eq!(scrape.sum("app_usage_missing_total", &[("reason", "not_sent")]), 1);
}

#[tokio::test]
async fn a_call_whose_response_has_an_errors_status_has_failed() {
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
    for handler in [route_get(opaque), route_get(both), route_get(unread)] {
        let scrape = after(handler).await;
        assert_eq!(scrape.sum("app_llm_calls_total", &[("finish_reason", "error")]), 1);
        assert_eq!(scrape.sum("app_llm_calls_total", &[]), 1);
        assert_eq!(scrape.sum("app_usage_missing_total", &[("reason", "not_sent")]), 1);
    }
}
