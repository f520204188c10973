//! Functions that are not async and return a future behind `impl` or in a box, which an attribute
//! follows: its type stays, and so does what they do at once.

#![expect(clippy::needless_pass_by_value, reason = "some are there to be dropped")]

use std::future::ready;
use std::pin::Pin;

use futures_util::FutureExt;
use streamgauge::Usage;

use crate::log::{Noisy, logged, note, pause};

each! {
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

/// One expression over each module's function, after the plain one's.
macro_rules! each_of {
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

fn assert_alike<T: PartialEq + std::fmt::Debug>(each: &[T]) {
    assert!(each.iter().all(|one| *one == each[0]), "{each:?}");
}

#[tokio::test]
async fn a_future_gives_the_same_value() {
    for input in [0, 7] {
        assert_alike(&each_of!(opaque, |call| call(input).await));
        assert_alike(&each_of!(unpin, |call| call(input).await));
        assert_alike(&each_of!(boxed, |call| call(input).await));
    }
    for text in ["7", "seven"] {
        assert_alike(&each_of!(opaque_result, |call| call(text).await));
    }
    for text in ["", "seven"] {
        assert_alike(&each_of!(borrowing, |call| {
            let mut length = 0;
            (call(text, &mut length).await, length)
        }));
    }
}

#[test]
fn what_comes_before_the_future_is_done_at_once() {
    for polls in 0..=2 {
        assert_alike(&each_of!(opaque, |call| logged(|| {
            let mut future = Box::pin(call(1));
            note("returned");
            for _ in 0..polls {
                let _ = future.as_mut().now_or_never();
            }
        })));
        assert_alike(&each_of!(boxed, |call| logged(|| {
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
fn a_future_holds_and_drops_what_the_plain_one_does() {
    for polls in 0..=2 {
        assert_alike(&each_of!(dropping, |call| logged(|| {
            let mut future = call(Noisy("a"), Noisy("b"), Noisy("c"));
            note("returned");
            for _ in 0..polls {
                let _ = future.as_mut().now_or_never();
                note("polled");
            }
        })));
        assert_alike(&each_of!(dropping_hidden, |call| logged(|| {
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
async fn a_future_can_be_spawned_if_the_plain_one_can() {
    assert_alike(&each_of!(opaque, |call| tokio::spawn(call(7)).await.ok()));
    assert_alike(&each_of!(opaque_result, |call| tokio::spawn(call("7")).await.ok()));
    assert_alike(&each_of!(boxed, |call| tokio::spawn(call(7)).await.ok()));
}

type Boxed = fn(u64) -> Pin<Box<dyn Future<Output = Usage> + Send>>;

/// The functions have the types they have in plain.
const BOXED: [Boxed; 5] =
    [plain::boxed, endpoint::boxed, tokens::boxed, outside::boxed, inside::boxed];

#[tokio::test]
async fn a_boxed_future_is_returned_in_the_same_box() {
    for boxed in BOXED {
        assert_eq!(boxed(3).await, Usage::new(3, 1));
    }
}

/// The compiler proves it for every set of attributes.
fn unpinned<F: Future<Output = Usage> + Unpin>(future: F) -> F {
    future
}

#[test]
fn a_promise_to_be_unpin_is_kept() {
    assert_alike(&each_of!(unpin, |call| unpinned(call(1)).now_or_never()));
}
