//! Functions that return an `impl Future` or a boxed future. The attribute measures that future and
//! keeps its type; code before the future still runs immediately.

#![expect(clippy::needless_pass_by_value, reason = "the drop of arguments is under test")]

use std::future::ready;
use std::pin::Pin;

use futures_util::FutureExt;
use streamgauge::Usage;

use crate::event_log::{Noisy, logged, note, pause};

in_modules! {
    [
        plain: [],
        endpoint: [#[streamgauge::instrument_endpoint]],
        tokens: [#[streamgauge::track_tokens(model = "small")]],
        outside: [
            #[streamgauge::instrument_endpoint]
            #[streamgauge::track_tokens(model = "small")]
        ],
        inside: [
            #[streamgauge::track_tokens(model = "small")]
            #[streamgauge::instrument_endpoint]
        ],
    ]

    pub(super) fn opaque(input: u64) -> impl Future<Output = Usage> {
        note("called");
        async move {
            note("polled");
            pause().await;
            Usage::new(input, 1)
        }
    }

    pub(super) fn unpin(input: u64) -> impl Future<Output = Usage> + Unpin {
        ready(Usage::new(input, 1))
    }

    pub(super) fn opaque_result(
        text: &str,
    ) -> impl Future<Output = Result<Usage, std::num::ParseIntError>> + Send + use<> {
        let input = text.parse();
        async move {
            pause().await;
            Ok(Usage::new(input?, 1))
        }
    }

    pub(super) fn boxed(input: u64) -> Pin<Box<dyn Future<Output = Usage> + Send>> {
        note("called");
        if input == 0 {
            return Box::pin(ready(Usage::new(0, 0)));
        }
        Box::pin(async move {
            note("polled");
            pause().await;
            Usage::new(input, 1)
        })
    }

    pub(super) fn borrowing<'a>(
        text: &'a str,
        length: &'a mut usize,
    ) -> Pin<Box<dyn Future<Output = Option<Usage>> + 'a>> {
        Box::pin(async move {
            *length = text.len();
            pause().await;
            let first = text.bytes().next()?;
            Some(Usage::new(first.into(), 1))
        })
    }

    pub(super) fn dropping(
        held: Noisy,
        _unused: Noisy,
        used: Noisy,
    ) -> Pin<Box<dyn Future<Output = Usage>>> {
        note(used.name());
        Box::pin(async move {
            pause().await;
            note(held.name());
            Usage::new(1, 1)
        })
    }

    pub(super) fn dropping_hidden(
        held: Noisy,
        _unused: Noisy,
        used: Noisy,
    ) -> impl Future<Output = Usage> + use<> {
        note(used.name());
        async move {
            pause().await;
            note(held.name());
            Usage::new(1, 1)
        }
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
                let $called = endpoint::$function;
                $run
            },
            {
                let $called = tokens::$function;
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
        ]
    };
}

fn assert_all_equal<T: PartialEq + std::fmt::Debug>(each: &[T]) {
    assert!(each.iter().all(|one| *one == each[0]), "{each:?}");
}

#[tokio::test]
async fn returned_future_gives_the_same_value() {
    for input in [0, 7] {
        assert_all_equal(&each_module!(opaque, |call| call(input).await));
        assert_all_equal(&each_module!(unpin, |call| call(input).await));
        assert_all_equal(&each_module!(boxed, |call| call(input).await));
    }
    for text in ["7", "seven"] {
        assert_all_equal(&each_module!(opaque_result, |call| call(text).await));
    }
    for text in ["", "seven"] {
        assert_all_equal(&each_module!(borrowing, |call| {
            let mut length = 0;
            (call(text, &mut length).await, length)
        }));
    }
}

#[test]
fn code_before_the_returned_future_runs_immediately() {
    for polls in 0..=2 {
        assert_all_equal(&each_module!(opaque, |call| logged(|| {
            let mut future = Box::pin(call(1));
            note("returned");
            for _ in 0..polls {
                let _ = future.as_mut().now_or_never();
            }
        })));
        assert_all_equal(&each_module!(boxed, |call| logged(|| {
            let mut future = call(1);
            note("returned");
            for _ in 0..polls {
                let _ = future.as_mut().now_or_never();
            }
        })));
    }
    assert_eq!(logged(|| drop(endpoint::boxed(1))), ["called"]);
}

#[test]
fn returned_future_holds_and_drops_the_same_values() {
    for polls in 0..=2 {
        assert_all_equal(&each_module!(dropping, |call| logged(|| {
            let mut future = call(Noisy("a"), Noisy("b"), Noisy("c"));
            note("returned");
            for _ in 0..polls {
                let _ = future.as_mut().now_or_never();
                note("polled");
            }
        })));
        assert_all_equal(&each_module!(dropping_hidden, |call| logged(|| {
            let mut future = Box::pin(call(Noisy("a"), Noisy("b"), Noisy("c")));
            note("returned");
            for _ in 0..polls {
                let _ = future.as_mut().now_or_never();
                note("polled");
            }
        })));
    }
}

#[tokio::test]
async fn returned_future_can_be_spawned_if_the_plain_one_can() {
    assert_all_equal(&each_module!(opaque, |call| tokio::spawn(call(7)).await.ok()));
    assert_all_equal(&each_module!(opaque_result, |call| tokio::spawn(call("7")).await.ok()));
    assert_all_equal(&each_module!(boxed, |call| tokio::spawn(call(7)).await.ok()));
}

type Boxed = fn(u64) -> Pin<Box<dyn Future<Output = Usage> + Send>>;

/// Annotated functions have the same function pointer type as the plain one.
const BOXED: [Boxed; 5] =
    [plain::boxed, endpoint::boxed, tokens::boxed, outside::boxed, inside::boxed];

#[tokio::test]
async fn boxed_future_keeps_its_type() {
    for boxed in BOXED {
        assert_eq!(boxed(3).await, Usage::new(3, 1));
    }
}

/// Makes the compiler prove `Unpin` for every set of attributes.
fn assert_unpin<F: Future<Output = Usage> + Unpin>(future: F) -> F {
    future
}

#[test]
fn unpin_bound_of_a_returned_future_is_kept() {
    assert_all_equal(&each_module!(unpin, |call| assert_unpin(call(1)).now_or_never()));
}
