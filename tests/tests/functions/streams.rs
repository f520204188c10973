//! Streams flow as they do without `#[streaming_metrics]`, alone and among others: item by item, when
//! they are asked, and to whoever drops them.

#![expect(clippy::needless_pass_by_value, reason = "one is there to be dropped")]

use std::convert::Infallible;
use std::num::ParseIntError;
use std::pin::Pin;

use axum::body::Body;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_core::Stream;
use futures_core::stream::BoxStream;
use futures_util::{FutureExt, StreamExt, stream as streams};

use crate::log::{Noisy, logged, note, pause};

each! {
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
        text.split(' ').map(str::to_owned).map(std::future::ready).collect::<streams::FuturesOrdered<_>>().boxed()
    }

    pub(super) fn words(text: &str) -> impl Stream<Item = &'static str> {
        streams::iter(text.split(' ').map(|word| if word.is_empty() { "" } else { "word" }))
    }

    pub(super) fn fallible(text: &str) -> Result<impl Stream<Item = String> + use<>, ParseIntError> {
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
        Sse::new(streams::iter(0..count).map(|number| Ok(Event::default().data(number.to_string()))))
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

/// One expression over each module's function, after the plain one's.
macro_rules! each_of {
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

fn assert_alike<T: PartialEq + std::fmt::Debug>(each: &[T]) {
    assert!(each.iter().all(|one| *one == each[0]), "{each:?}");
}

#[tokio::test]
async fn the_same_items_come_in_the_same_order() {
    for count in [0, 1, 3] {
        assert_alike(&each_of!(counted, |call| call(count).collect::<Vec<_>>().await));
        assert_alike(&each_of!(later, |call| call(count).await.collect::<Vec<_>>().await));
        assert_alike(&each_of!(boxed, |call| call(count).collect::<Vec<_>>().await));
    }
    assert_alike(&each_of!(boxed_later, |call| call("a b").await.collect::<Vec<_>>().await));
    assert_alike(&each_of!(words, |call| call("a  b").collect::<Vec<_>>().await));
    for text in ["2", "two"] {
        assert_alike(&each_of!(fallible, |call| match call(text) {
            Ok(stream) => Ok(stream.collect::<Vec<_>>().await),
            Err(error) => Err(error),
        }));
    }
}

#[tokio::test]
async fn an_error_is_an_item_like_any_other() {
    assert_alike(&each_of!(failing, |call| {
        call(vec!["1", "two", "3"]).collect::<Vec<_>>().await
    }));
}

#[tokio::test]
async fn a_stream_says_the_same_of_its_length() {
    assert_alike(&each_of!(counted, |call| {
        let mut stream = call(3);
        let before = stream.size_hint();
        stream.next().await;
        [before, stream.size_hint()]
    }));
    assert_eq!(metered::counted(3).size_hint(), (3, Some(3)));
    assert_alike(&each_of!(boxed, |call| call(2).size_hint()));
}

#[test]
fn nothing_flows_before_it_is_asked_for() {
    assert_alike(&each_of!(counted, |call| logged(|| drop(call(2)))));
    assert_eq!(logged(|| drop(metered::counted(2))), ["called"]);
    assert_alike(&each_of!(later, |call| logged(|| drop(call(2)))));
    assert_alike(&each_of!(counted, |call| logged(|| {
        let mut stream = call(2);
        note("asked");
        stream.next().now_or_never();
        note("answered");
    })));
}

#[test]
fn a_stream_that_is_dropped_drops_what_it_holds() {
    for taken in 0..=3 {
        assert_alike(&each_of!(holding, |call| logged(|| {
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
fn what_the_stream_does_not_hold_is_dropped_as_the_function_returns() {
    assert_alike(&each_of!(leaving, |call| logged(|| {
        let stream = call(Noisy("a"), Noisy("b"));
        note("returned");
        drop(stream);
    })));
}

async fn whole(response: impl IntoResponse) -> (u16, axum::body::Bytes) {
    let (head, body) = response.into_response().into_parts();
    (head.status.as_u16(), axum::body::to_bytes(body, 1000).await.expect("the body ends"))
}

#[tokio::test]
async fn a_response_has_the_same_body() {
    for count in [0, 3] {
        assert_alike(&each_of!(events, |call| whole(call(count).await).await));
        assert_alike(&each_of!(body, |call| whole(call(count)).await));
        assert_alike(&each_of!(response, |call| whole(call(count).await).await));
    }
}

/// The compiler proves it for every set of attributes.
fn sendable<S: Stream + Send + Unpin>(stream: S) -> S {
    stream
}

#[tokio::test]
async fn a_stream_is_as_send_and_unpin_as_the_plain_one() {
    assert_alike(&each_of!(counted, |call| {
        tokio::spawn(sendable(call(2)).collect::<Vec<_>>()).await.expect("the task completes")
    }));
}
