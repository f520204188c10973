//! Functions that return a future of a named type keep that type, and run their body immediately.

#![expect(clippy::needless_pass_by_value, reason = "the drop of an argument is under test")]

use std::future::{Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::future::{BoxFuture, LocalBoxFuture};
use futures_util::FutureExt;

use crate::event_log::{Noisy, logged, note, pause};

/// A hand-written future.
#[derive(Debug, PartialEq)]
struct CustomFuture(Option<u8>);

impl Future for CustomFuture {
    type Output = u8;

    fn poll(mut self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<u8> {
        note("polled");
        Poll::Ready(self.0.take().expect("the future is polled once"))
    }
}

plain_and_annotated! {
    pub(super) fn ready_now(number: u8) -> Ready<u8> {
        note("called");
        ready(number)
    }

    pub(super) fn own(number: u8) -> CustomFuture {
        note("called");
        CustomFuture(Some(number))
    }

    pub(super) fn of_a_library(text: &str) -> BoxFuture<'_, usize> {
        note("called");
        async move {
            pause().await;
            text.len()
        }
        .boxed()
    }

    pub(super) fn local(text: &str) -> LocalBoxFuture<'_, usize> {
        note("called");
        async move { text.len() }.boxed_local()
    }

    pub(super) fn in_result(fail: bool) -> Result<impl Future<Output = u8>, String> {
        if fail {
            Err("fail")?;
        }
        Ok(ready(1))
    }

    pub(super) fn holding(held: Noisy, _unused: Noisy, used: Noisy) -> BoxFuture<'static, ()> {
        note(used.name());
        Box::pin(async move {
            pause().await;
            note(held.name());
        })
    }
}

type OfText = for<'a> fn(&'a str) -> BoxFuture<'a, usize>;

#[tokio::test]
async fn named_future_type_is_kept() {
    let [left, right]: [Ready<u8>; 2] = [annotated::ready_now(1), plain::ready_now(1)];
    assert_eq!(left.into_inner(), right.into_inner());
    let [left, right]: [CustomFuture; 2] = [annotated::own(1), plain::own(1)];
    assert_eq!(left, right);
    assert_eq!(left.await, right.await);
    let functions: [OfText; 2] = [annotated::of_a_library, plain::of_a_library];
    for function in functions {
        let text = "ab".to_owned();
        assert_eq!(function(&text).await, 2);
    }
    assert_same!(local("ab").await);
    for fail in [true, false] {
        let left = annotated::in_result(fail).map(FutureExt::now_or_never);
        assert_eq!(left, plain::in_result(fail).map(FutureExt::now_or_never));
    }
}

#[test]
fn code_before_the_returned_future_runs_immediately() {
    assert_eq!(logged(|| annotated::ready_now(1)), ["called"]);
    assert_eq!(logged(|| annotated::own(1)), ["called"]);
    assert_eq!(logged(|| annotated::own(1).now_or_never()), ["called", "polled"]);
    assert_eq!(logged(|| drop(annotated::of_a_library("a"))), ["called"]);
    assert_eq!(logged(|| drop(annotated::local("a"))), ["called"]);
}

#[test]
fn returned_future_holds_and_drops_the_same_values() {
    let logs = |call: fn(Noisy, Noisy, Noisy) -> BoxFuture<'static, ()>, polls| {
        logged(|| {
            let mut future = call(Noisy("a"), Noisy("b"), Noisy("c"));
            note("returned");
            for _ in 0..polls {
                let _ = future.as_mut().now_or_never();
                note("polled");
            }
        })
    };
    for polls in 0..=2 {
        assert_eq!(logs(annotated::holding, polls), logs(plain::holding, polls));
    }
}
