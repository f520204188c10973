//! The future of an annotated function is only slightly larger than the plain one.

use std::convert::identity;
use std::mem::size_of_val;

use futures_core::Stream;
use futures_util::FutureExt;
use futures_util::stream::iter;
use streamgauge::{Usage, instrument_endpoint, streaming_metrics, track_tokens};

use crate::event_log::pause;

/// The most bytes that an attribute may add, besides one copy of the arguments.
const MAX_STATE: usize = 256;

type Payload = [u8; 1000];
const EMPTY: Payload = [0; 1000];

/// Declares a function whose future holds its argument, with these attributes.
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

/// Returns the maximal size of an annotated future, given the plain future and its arguments' size.
fn max_size<F: Future>(plain: &F, arguments: usize) -> usize {
    size_of_val(plain) + arguments + MAX_STATE
}

#[test]
fn future_with_one_attribute_grows_by_at_most_one_copy_of_the_arguments() {
    let max = max_size(&plain(EMPTY), size_of::<Payload>());
    assert!(size_of_val(&endpoint(EMPTY)) <= max);
    assert!(size_of_val(&tokens(EMPTY)) <= max);
}

#[test]
fn future_with_two_attributes_grows_no_more_than_with_one() {
    let max = max_size(&plain(EMPTY), size_of::<Payload>());
    let sizes = [size_of_val(&endpoint_tokens(EMPTY)), size_of_val(&tokens_endpoint(EMPTY))];
    assert!(sizes.iter().all(|size| *size <= max), "{sizes:?} > {max}");
}

/// Declares a function that returns a stream of its argument, with these attributes.
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
fn future_with_three_attributes_grows_only_by_the_state_of_each_attribute() {
    let max = max_size(&plain_stream(EMPTY), size_of::<Payload>()) + 2 * MAX_STATE;
    let sizes =
        [size_of_val(&stream(EMPTY)), size_of_val(&all(EMPTY)), size_of_val(&reversed(EMPTY))];
    assert!(sizes.iter().all(|size| *size <= max), "{sizes:?} > {max}");
}

/// Declares functions that each await the next.
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

/// Makes the compiler prove `Send` through every level, within the default recursion limit.
fn assert_send<F: Future + Send>(future: F) -> F {
    identity(future)
}

#[test]
fn future_of_nested_functions_grows_only_by_the_state_of_each_attribute() {
    let annotated = assert_send(annotated_chain::f01(1));
    let plain = assert_send(plain_chain::f01(1));
    assert!(size_of_val(&annotated) <= size_of_val(&plain) + 9 * (MAX_STATE + size_of::<u64>()));
    let mut annotated = Box::pin(annotated);
    assert_eq!(annotated.as_mut().now_or_never(), None);
    assert_eq!(annotated.now_or_never(), Some(9));
}
