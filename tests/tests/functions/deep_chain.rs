//! A deep chain of annotated functions stays within the compiler's default recursion limit.

use std::convert::identity;
use std::mem::size_of_val;

use futures_util::FutureExt;

use crate::log::pause;

/// What an attribute's own state may take, on every level.
const OWN: usize = 256;

/// Chains as deep as the handlers of a large application, of functions that still have something to
/// do when the next one has replied.
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

macro_rules! seventeen {
    ($($module:ident: [$($attribute:tt)*];)*) => {$(
        mod $module {
            deep_chain!([$($attribute)*]
                f01 f02 f03 f04 f05 f06 f07 f08 f09 f10 f11 f12 f13 f14 f15 f16 f17);
        }
    )*};
}

seventeen! {
    plain: [];
    annotated: [#[streamgauge::instrument_endpoint]];
}

/// The compiler proves it through every level.
fn sendable<F: Future + Send>(future: F) -> F {
    identity(future)
}

#[test]
fn seventeen_functions_that_await_each_other_stay_within_the_recursion_limit() {
    let annotated = sendable(annotated::f01(1));
    let plain = sendable(plain::f01(1));
    assert!(size_of_val(&annotated) <= size_of_val(&plain) + 17 * (OWN + size_of::<u64>()));
    let mut annotated = Box::pin(annotated);
    assert_eq!(annotated.as_mut().now_or_never(), None);
    assert_eq!(annotated.now_or_never(), Some(17 + 16));
}
