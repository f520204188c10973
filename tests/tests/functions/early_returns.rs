//! Early returns and `?`, and the point at which a body starts to run.

#![expect(clippy::unused_async, reason = "one function does not await")]

use std::num::ParseIntError;

use futures_util::FutureExt;

use crate::event_log::{logged, note, pause};

plain_and_annotated! {
    pub(super) async fn noting() {
        note("body");
    }

    pub(super) fn noting_at_once() -> impl Future<Output = &'static str> {
        note("called");
        async {
            note("polled");
            "reply"
        }
    }

    pub(super) async fn sign(number: i32) -> &'static str {
        if number < 0 {
            return "negative";
        }
        pause().await;
        for divisor in 2..number {
            if number % divisor == 0 {
                return "divisible";
            }
        }
        "positive"
    }

    pub(super) fn sum(text: &str) -> Result<i32, ParseIntError> {
        let mut sum = 0;
        for number in text.split('+') {
            sum += number.trim().parse::<i32>()?;
        }
        Ok(sum)
    }

    pub(super) async fn sum_later(text: &str) -> Result<i64, ParseIntError> {
        pause().await;
        Ok(i64::from(annotated::sum(text)?))
    }

    pub(super) async fn second_word(text: &str) -> Option<char> {
        let word = text.split(' ').nth(1)?;
        pause().await;
        word.chars().next()
    }

    pub(super) fn nothing(number: &mut i32) {
        if *number > 0 {
            return;
        }
        *number += 1;
    }
}

#[test]
fn async_body_starts_with_the_first_poll() {
    let run = |future: std::pin::Pin<Box<dyn Future<Output = ()>>>| {
        logged(move || {
            note("called");
            future.now_or_never()
        })
    };
    assert_eq!(run(Box::pin(annotated::noting())), ["called", "body"]);
    assert_eq!(run(Box::pin(plain::noting())), ["called", "body"]);
}

#[test]
fn returned_future_follows_code_that_runs_immediately() {
    for poll in [true, false] {
        let logs = [
            logged(|| poll.then(|| annotated::noting_at_once().now_or_never())),
            logged(|| poll.then(|| plain::noting_at_once().now_or_never())),
        ];
        assert_eq!(logs[0], logs[1]);
    }
    assert_eq!(logged(annotated::noting_at_once), ["called"]);
}

#[tokio::test]
async fn early_returns_give_the_same_value() {
    for number in [-1, 7, 9] {
        assert_same!(sign(number).await);
    }
    for text in ["1 + 2", "1 + two", ""] {
        assert_same!(sum(text));
        assert_same!(sum_later(text).await);
        assert_same!(second_word(text).await);
    }
    for number in [0, 1] {
        let (mut left, mut right) = (number, number);
        annotated::nothing(&mut left);
        plain::nothing(&mut right);
        assert_eq!(left, right);
    }
}

#[tokio::test]
async fn annotated_function_can_be_spawned() {
    let spawned = tokio::spawn(annotated::sign(9));
    assert_eq!(spawned.await.expect("the task completes"), plain::sign(9).await);
}
