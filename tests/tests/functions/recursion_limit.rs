//! Deeply nested annotated functions compile within the default recursion limit.

use std::convert::identity;
use std::mem::size_of_val;

use futures_util::FutureExt;

use crate::event_log::pause;

/// The most bytes that an attribute may add on every level.
const MAX_STATE: usize = 256;

/// Declares functions that each await the next and then add to its result.
macro_rules! deep_chain {
    ([$($attribute:tt)*] $name:ident $next:ident $($rest:ident)*) => {
        $($attribute)*
        pub(super) async fn $name(number: u64) -> u64 {
            $next(number + 1).await + 1
        }
        deep_chain!([$($attribute)*] $next $($rest)*);
    };
    ([$($attribute:tt)*] $last:ident) => {
        $($attribute)*
        pub(super) async fn $last(number: u64) -> u64 {
            super::pause().await;
            number
        }
    };
}

macro_rules! chains_of_seventeen {
    ($($module:ident: [$($attribute:tt)*];)*) => {$(
        mod $module {
            deep_chain!([$($attribute)*]
                f01 f02 f03 f04 f05 f06 f07 f08 f09 f10 f11 f12 f13 f14 f15 f16 f17);
        }
    )*};
}

chains_of_seventeen! {
    plain: [];
    annotated: [#[streamgauge::instrument_endpoint]];
}

/// Declares functions that each await the usage of the next.
macro_rules! tracked_chain {
    ($name:ident $next:ident $($rest:ident)*) => {
        #[streamgauge::track_tokens(provider = "house")]
        pub(super) async fn $name(number: u64) -> Usage {
            $next(number + 1).await
        }
        tracked_chain!($next $($rest)*);
    };
    ($last:ident) => {
        #[streamgauge::track_tokens(provider = "house")]
        pub(super) async fn $last(number: u64) -> Usage {
            super::pause().await;
            Usage::new(number, 1)
        }
    };
}

mod tracked {
    use streamgauge::Usage;

    tracked_chain!(f01 f02 f03 f04 f05 f06 f07 f08 f09 f10 f11 f12);
}

/// Makes the compiler prove `Send` through every level.
fn assert_send<F: Future + Send>(future: F) -> F {
    identity(future)
}

#[test]
fn recursion_limit_suffices_for_seventeen_nested_functions() {
    let annotated = assert_send(annotated::f01(1));
    let plain = assert_send(plain::f01(1));
    assert!(size_of_val(&annotated) <= size_of_val(&plain) + 17 * (MAX_STATE + size_of::<u64>()));
    let mut annotated = Box::pin(annotated);
    assert_eq!(annotated.as_mut().now_or_never(), None);
    assert_eq!(annotated.now_or_never(), Some(17 + 16));
}

#[test]
fn recursion_limit_suffices_for_twelve_nested_calls() {
    let mut tracked = Box::pin(assert_send(tracked::f01(1)));
    assert_eq!(tracked.as_mut().now_or_never(), None);
    assert_eq!(tracked.now_or_never(), Some(streamgauge::Usage::new(12, 1)));
}
