//! The future of an annotated function is little larger than the plain one.

use std::convert::identity;
use std::mem::size_of_val;

use futures_core::Stream;
use futures_util::FutureExt;
use futures_util::stream::iter;
use streamgauge::{Usage, instrument_endpoint, streaming_metrics, track_tokens};

use crate::log::pause;

/// What an attribute's own state may take.
const OWN: usize = 256;

type Payload = [u8; 1000];
const EMPTY: Payload = [0; 1000];

/// A function whose future holds its argument, with the attributes given.
macro_rules! holding {
    ($name:ident: $($attribute:meta),*) => {
        $(#[$attribute])*
        async fn $name(payload: Payload) -> Usage {
            pause().await;
            Usage::new(u64::from(payload[0]), 1)
        }
    };
}

holding!(plain:);
holding!(endpoint: instrument_endpoint);
holding!(tokens: track_tokens(provider = "house", model = "small"));

holding!(endpoint_tokens: instrument_endpoint, track_tokens(provider = "house", model = "small"));
holding!(tokens_endpoint: track_tokens(provider = "house", model = "small"), instrument_endpoint);

/// What the future of a function of these arguments may take.
fn most<F: Future>(plain: &F, arguments: usize) -> usize {
    size_of_val(plain) + arguments + OWN
}

#[test]
fn one_attribute_adds_one_copy_of_the_arguments_at_most() {
    let most = most(&plain(EMPTY), size_of::<Payload>());
    assert!(size_of_val(&endpoint(EMPTY)) <= most);
    assert!(size_of_val(&tokens(EMPTY)) <= most);
}

#[test]
fn two_attributes_add_no_more_than_one() {
    let most = most(&plain(EMPTY), size_of::<Payload>());
    let sizes = [size_of_val(&endpoint_tokens(EMPTY)), size_of_val(&tokens_endpoint(EMPTY))];
    assert!(sizes.iter().all(|size| *size <= most), "{sizes:?} > {most}");
}

/// A function that returns a stream of its argument, with the attributes given.
macro_rules! streaming {
    ($name:ident: $($attribute:meta),*) => {
        $(#[$attribute])*
        async fn $name(payload: Payload) -> impl Stream<Item = String> {
            pause().await;
            iter(payload.map(|byte| byte.to_string()))
        }
    };
}

streaming!(plain_stream:);
streaming!(stream: streaming_metrics);
streaming!(all: instrument_endpoint, track_tokens(model = "small"), streaming_metrics);
streaming!(reversed: streaming_metrics, track_tokens(model = "small"), instrument_endpoint);

#[test]
fn three_attributes_add_no_more_than_one() {
    let most = most(&plain_stream(EMPTY), size_of::<Payload>());
    let sizes =
        [size_of_val(&stream(EMPTY)), size_of_val(&all(EMPTY)), size_of_val(&reversed(EMPTY))];
    assert!(sizes.iter().all(|size| *size <= most), "{sizes:?} > {most}");
}

/// Functions of which each awaits the next.
macro_rules! chain {
    ([$($attribute:tt)*] $name:ident $next:ident $($rest:ident)*) => {
        $($attribute)*
        pub(super) async fn $name(number: u64) -> u64 {
            $next(number + 1).await
        }
        chain!([$($attribute)*] $next $($rest)*);
    };
    ([$($attribute:tt)*] $last:ident) => {
        $($attribute)*
        pub(super) async fn $last(number: u64) -> u64 {
            super::pause().await;
            number
        }
    };
}

mod plain_chain {
    chain!([] f01 f02 f03 f04 f05 f06 f07 f08 f09);
}

mod annotated_chain {
    chain!([#[streamgauge::instrument_endpoint]]
        f01 f02 f03 f04 f05 f06 f07 f08 f09);
}

/// The compiler proves it through every level, within the default recursion limit.
fn sendable<F: Future + Send>(future: F) -> F {
    identity(future)
}

#[test]
fn nine_functions_that_await_each_other_grow_by_their_own_state_alone() {
    let annotated = sendable(annotated_chain::f01(1));
    let plain = sendable(plain_chain::f01(1));
    assert!(size_of_val(&annotated) <= size_of_val(&plain) + 9 * (OWN + size_of::<u64>()));
    let mut annotated = Box::pin(annotated);
    assert_eq!(annotated.as_mut().now_or_never(), None);
    assert_eq!(annotated.now_or_never(), Some(9));
}
