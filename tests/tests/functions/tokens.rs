//! Functions that return usage behave the same with `#[track_tokens]`, alone and with other
//! attributes.

#![expect(
    unused_assignments,
    unused_variables,
    clippy::needless_pass_by_value,
    reason = "the drop of arguments is under test"
)]

use std::num::ParseIntError;

use axum::Json;
use futures_util::FutureExt;
use streamgauge::{TokenUsage, Usage};

use crate::event_log::{Noisy, logged, note, pause};

in_modules! {
    [
        plain: [],
        tokens: [#[streamgauge::track_tokens]],
        labelled: [#[streamgauge::track_tokens(provider = "house", model = "small")]],
        outside: [#[streamgauge::track_tokens] #[streamgauge::instrument_endpoint]],
        inside: [#[streamgauge::instrument_endpoint] #[streamgauge::track_tokens]],
    ]

    pub(super) async fn counted(text: &str) -> Usage {
        if text.is_empty() {
            return Usage::new(0, 0);
        }
        pause().await;
        Usage::new(1, text.len() as u64)
    }

    pub(super) async fn parsed(text: &str) -> Result<Usage, ParseIntError> {
        let input = text.parse()?;
        pause().await;
        Ok(Usage::new(input, 1))
    }

    pub(super) fn optional(text: &str) -> Option<Usage> {
        let first = text.chars().next()?;
        Some(Usage::new(1, u64::from(u32::from(first))))
    }

    pub(super) async fn in_json(input: u64) -> Result<Json<Usage>, String> {
        if input == 0 {
            Err("nothing")?;
        }
        pause().await;
        Ok(Json(Usage::new(input, 1)))
    }

    pub(super) fn larger<'a>(left: &'a Usage, right: &'a Usage) -> &'a Usage {
        if left.total() < right.total() { right } else { left }
    }

    pub(super) async fn last<T: TokenUsage, const N: usize>(replies: [T; N]) -> Option<T> {
        pause().await;
        replies.into_iter().next_back()
    }

    pub(super) fn boxed(input: u64) -> Box<Usage> {
        Box::new(Usage::new(input, 1))
    }

    pub(super) fn dropping(first: Noisy, _second: Noisy, mut third: Noisy) -> Usage {
        let _local = Noisy("local");
        third = Noisy("assigned");
        note("body");
        Usage::new(1, 1)
    }

    pub(super) async fn dropping_later(first: Noisy, second: Noisy, _third: Noisy) -> Usage {
        let _local = Noisy("local");
        pause().await;
        drop(first);
        note("body");
        Usage::new(1, 1)
    }

    pub(super) fn panicking(first: Noisy, second: Noisy) -> Usage {
        panic!("in the body")
    }
}

#[tokio::test]
async fn early_returns_give_the_same_reply() {
    for text in ["", "7", "seven"] {
        assert_all_same!([tokens labelled outside inside] counted(text).await);
        assert_all_same!([tokens labelled outside inside] parsed(text).await);
        assert_all_same!([tokens labelled outside inside] optional(text));
    }
    let replies = [Usage::new(1, 2), Usage::new(3, 4)];
    assert_all_same!([tokens labelled outside inside] last(replies).await);
    assert_all_same!([tokens labelled outside inside] last(<[Usage; 0]>::default()).await);
    assert_all_same!([tokens labelled outside inside] larger(&replies[0], &replies[1]));
    assert_all_same!([tokens labelled outside inside] boxed(2));
}

#[tokio::test]
async fn reply_that_wraps_usage_is_returned_unchanged() {
    let usage_of = |reply: Result<Json<Usage>, String>| reply.map(|Json(usage)| usage);
    for input in [0, 1] {
        let plain = usage_of(plain::in_json(input).await);
        assert_eq!(usage_of(tokens::in_json(input).await), plain);
        assert_eq!(usage_of(labelled::in_json(input).await), plain);
        assert_eq!(usage_of(outside::in_json(input).await), plain);
        assert_eq!(usage_of(inside::in_json(input).await), plain);
    }
}

/// Evaluates an expression with the function of each module and returns the logs, the plain one
/// first.
macro_rules! logs_of_each_module {
    ($function:ident, |$called:ident| $run:expr) => {
        [
            logged(|| {
                let $called = plain::$function;
                $run
            }),
            logged(|| {
                let $called = tokens::$function;
                $run
            }),
            logged(|| {
                let $called = labelled::$function;
                $run
            }),
            logged(|| {
                let $called = outside::$function;
                $run
            }),
            logged(|| {
                let $called = inside::$function;
                $run
            }),
        ]
    };
}

fn assert_all_equal(logs: &[Vec<&str>]) {
    assert!(logs.iter().all(|log| *log == logs[0]), "{logs:?}");
}

#[test]
fn arguments_are_dropped_in_the_same_order() {
    assert_all_equal(&logs_of_each_module!(dropping, |call| {
        call(Noisy("a"), Noisy("b"), Noisy("c"));
    }));
    assert_all_equal(&logs_of_each_module!(panicking, |call| call(Noisy("a"), Noisy("b"))));
}

#[test]
fn future_drops_the_same_values_after_any_number_of_polls() {
    for polls in 0..=2 {
        assert_all_equal(&logs_of_each_module!(dropping_later, |call| {
            let mut future = Box::pin(call(Noisy("a"), Noisy("b"), Noisy("c")));
            for _ in 0..polls {
                note("polled");
                let _ = future.as_mut().now_or_never();
            }
        }));
    }
}

/// Function pointers that are generic over lifetimes.
const LARGER: [for<'a> fn(&'a Usage, &'a Usage) -> &'a Usage; 4] =
    [tokens::larger, labelled::larger, outside::larger, inside::larger];

#[test]
fn function_pointers_are_generic_over_lifetimes() {
    let few = Usage::new(1, 1);
    for larger in LARGER {
        let many = Usage::new(2, 1);
        assert_eq!(*larger(&few, &many), many);
    }
}
