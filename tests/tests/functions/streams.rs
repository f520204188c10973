//! Streams behave as without `#[streaming_metrics]`, alone and with other attributes: same items,
//! same laziness, same drops.

#![expect(clippy::needless_pass_by_value, reason = "the drop of an argument is under test")]

use std::convert::Infallible;
use std::num::ParseIntError;
use std::pin::Pin;

use axum::body::Body;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_core::Stream;
use futures_core::stream::BoxStream;
use futures_util::{FutureExt, StreamExt, stream as streams};

use crate::event_log::{Noisy, logged, note, pause};

in_modules! {
    [
        plain: [],
        metered: [#[streamgauge::streaming_metrics]],
        outside: [#[streamgauge::streaming_metrics] #[streamgauge::instrument_endpoint]],
        inside: [#[streamgauge::instrument_endpoint] #[streamgauge::streaming_metrics]],
        all: [
            #[streamgauge::instrument_endpoint]
            #[streamgauge::track_tokens(model = "small")]
            #[streamgauge::streaming_metrics]
        ],
        all_reversed: [
            #[streamgauge::streaming_metrics]
            #[streamgauge::track_tokens(model = "small")]
            #[streamgauge::instrument_endpoint]
        ],
    ]

    pub(super) fn counted(count: u8) -> impl Stream<Item = String> {
        note("called");
        streams::iter(0..count).map(|number| {
            note("item");
            number.to_string()
        })
    }

    pub(super) async fn later(count: u8) -> impl Stream<Item = String> {
        note("called");
        pause().await;
        if count == 0 {
            return streams::iter(vec![]);
        }
        streams::iter(vec!["a".to_owned(); count.into()])
    }

    pub(super) fn boxed(count: u8) -> Pin<Box<dyn Stream<Item = String> + Send>> {
        if count == 0 {
            return Box::pin(streams::empty());
        }
        Box::pin(counted(count))
    }

    pub(super) async fn boxed_later(text: &str) -> BoxStream<'_, String> {
        pause().await;
        let words = text.split(' ').map(str::to_owned).map(std::future::ready);
        words.collect::<streams::FuturesOrdered<_>>().boxed()
    }

    pub(super) fn words(text: &str) -> impl Stream<Item = &'static str> {
        streams::iter(text.split(' ').map(|word| if word.is_empty() { "" } else { "word" }))
    }

    pub(super) fn fallible(
        text: &str,
    ) -> Result<impl Stream<Item = String> + use<>, ParseIntError> {
        let count: u8 = text.parse()?;
        Ok(counted(count))
    }

    pub(super) fn failing(texts: Vec<&str>) -> impl Stream<Item = Result<String, ParseIntError>> {
        streams::iter(texts).map(|text| Ok(text.parse::<u8>()?.to_string()))
    }

    pub(super) fn holding(held: Noisy, last: Noisy) -> impl Stream<Item = String> {
        async_stream::stream! {
            yield held.name().to_owned();
            note("between");
            yield last.name().to_owned();
        }
    }

    pub(super) fn leaving(_unused: Noisy, used: Noisy) -> impl Stream<Item = String> + use<> {
        note(used.name());
        streams::empty()
    }

    pub(super) async fn events(count: u8) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
        pause().await;
        Sse::new(
            streams::iter(0..count)
                .map(|number| Ok(Event::default().data(number.to_string()))),
        )
    }

    pub(super) fn body(count: u8) -> Body {
        Body::from_stream(streams::iter(0..count).map(|number| Ok::<_, Infallible>(vec![number])))
    }

    pub(super) async fn response(count: u8) -> Response {
        if count == 0 {
            return axum::http::StatusCode::NO_CONTENT.into_response();
        }
        body(count).into_response()
    }
}

/// Evaluates an expression with the function of each module, first with the plain one.
macro_rules! each_module {
    ($function:ident, |$called:ident| $run:expr) => {
        [
            {
                let $called = plain::$function;
                $run
            },
            {
                let $called = metered::$function;
                $run
            },
            {
                let $called = outside::$function;
                $run
            },
            {
                let $called = inside::$function;
                $run
            },
            {
                let $called = all::$function;
                $run
            },
            {
                let $called = all_reversed::$function;
                $run
            },
        ]
    };
}

fn assert_all_equal<T: PartialEq + std::fmt::Debug>(each: &[T]) {
    assert!(each.iter().all(|one| *one == each[0]), "{each:?}");
}

#[tokio::test]
async fn stream_gives_the_same_items_in_the_same_order() {
    for count in [0, 1, 3] {
        assert_all_equal(&each_module!(counted, |call| call(count).collect::<Vec<_>>().await));
        assert_all_equal(&each_module!(later, |call| call(count).await.collect::<Vec<_>>().await));
        assert_all_equal(&each_module!(boxed, |call| call(count).collect::<Vec<_>>().await));
    }
    assert_all_equal(&each_module!(boxed_later, |call| call("a b")
        .await
        .collect::<Vec<_>>()
        .await));
    assert_all_equal(&each_module!(words, |call| call("a  b").collect::<Vec<_>>().await));
    for text in ["2", "two"] {
        assert_all_equal(&each_module!(fallible, |call| match call(text) {
            Ok(stream) => Ok(stream.collect::<Vec<_>>().await),
            Err(error) => Err(error),
        }));
    }
}

#[tokio::test]
async fn stream_errors_pass_through() {
    assert_all_equal(&each_module!(failing, |call| {
        call(vec!["1", "two", "3"]).collect::<Vec<_>>().await
    }));
}

#[tokio::test]
async fn stream_size_hint_is_the_same() {
    assert_all_equal(&each_module!(counted, |call| {
        let mut stream = call(3);
        let before = stream.size_hint();
        stream.next().await;
        [before, stream.size_hint()]
    }));
    assert_eq!(metered::counted(3).size_hint(), (3, Some(3)));
    assert_all_equal(&each_module!(boxed, |call| call(2).size_hint()));
}

#[test]
fn stream_is_lazy() {
    assert_all_equal(&each_module!(counted, |call| logged(|| drop(call(2)))));
    assert_eq!(logged(|| drop(metered::counted(2))), ["called"]);
    assert_all_equal(&each_module!(later, |call| logged(|| drop(call(2)))));
    assert_all_equal(&each_module!(counted, |call| logged(|| {
        let mut stream = call(2);
        note("asked");
        stream.next().now_or_never();
        note("answered");
    })));
}

#[test]
fn dropped_stream_drops_its_values() {
    for taken in 0..=3 {
        assert_all_equal(&each_module!(holding, |call| logged(|| {
            let mut stream = Box::pin(call(Noisy("a"), Noisy("b")));
            for _ in 0..taken {
                note("asked");
                stream.next().now_or_never();
            }
            note("dropped");
            drop(stream);
        })));
    }
}

#[test]
fn arguments_that_the_stream_does_not_hold_are_dropped_on_return() {
    assert_all_equal(&each_module!(leaving, |call| logged(|| {
        let stream = call(Noisy("a"), Noisy("b"));
        note("returned");
        drop(stream);
    })));
}

async fn read_body(response: impl IntoResponse) -> (u16, axum::body::Bytes) {
    let (head, body) = response.into_response().into_parts();
    (head.status.as_u16(), axum::body::to_bytes(body, 1000).await.expect("the body can be read"))
}

#[tokio::test]
async fn response_has_the_same_body() {
    for count in [0, 3] {
        assert_all_equal(&each_module!(events, |call| read_body(call(count).await).await));
        assert_all_equal(&each_module!(body, |call| read_body(call(count)).await));
        assert_all_equal(&each_module!(response, |call| read_body(call(count).await).await));
    }
}

/// Makes the compiler prove `Send` and `Unpin` for every set of attributes.
fn assert_send_and_unpin<S: Stream + Send + Unpin>(stream: S) -> S {
    stream
}

#[tokio::test]
async fn stream_keeps_send_and_unpin() {
    assert_all_equal(&each_module!(counted, |call| {
        tokio::spawn(assert_send_and_unpin(call(2)).collect::<Vec<_>>())
            .await
            .expect("the task completes")
    }));
}
