//! Arguments and temporaries of an annotated async function are dropped at the same time and in the
//! same order as in the plain one.

#![expect(unused_assignments, unused_variables, reason = "the drop of arguments is under test")]

use std::pin::Pin;

use futures_util::FutureExt;

use crate::event_log::{Noisy, logged, note, pause};

/// Asserts that both futures log the same events if dropped unpolled, after one poll, or when done.
macro_rules! assert_same_log {
    ($function:ident($($argument:expr),*)) => {
        for run in [never_polled, polled_once, completed] {
            assert_eq!(
                logged(|| run(Box::pin(annotated::$function($($argument),*)))),
                logged(|| run(Box::pin(plain::$function($($argument),*)))),
            );
        }
    };
}

fn never_polled<R>(future: Pin<Box<dyn Future<Output = R> + '_>>) {
    note("called");
    drop(future);
}

fn polled_once<R>(mut future: Pin<Box<dyn Future<Output = R> + '_>>) {
    assert!(future.as_mut().now_or_never().is_none());
    note("polled");
    drop(future);
}

fn completed<R>(mut future: Pin<Box<dyn Future<Output = R> + '_>>) {
    assert!(future.as_mut().now_or_never().is_none());
    note("polled");
    drop(future.as_mut().now_or_never().expect("the second poll completes"));
    note("completed");
    drop(future);
}

/// A struct for destructuring patterns.
struct Fields {
    left: Noisy,
    right: Noisy,
}

impl Fields {
    fn new(left: &'static str, right: &'static str) -> Self {
        Self { left: Noisy(left), right: Noisy(right) }
    }
}

plain_and_annotated! {
    pub(super) async fn used(first: Noisy, second: Noisy) -> usize {
        pause().await;
        let length = first.name().len() + second.name().len();
        note("body");
        length
    }

    pub(super) async fn unused(first: Noisy, second: Noisy) {
        pause().await;
        note("body");
    }

    pub(super) async fn underscored(_first: Noisy, _second: Noisy) {
        pause().await;
        note("body");
    }

    pub(super) async fn ignored(_: Noisy) {
        pause().await;
        note("body");
    }

    pub(super) async fn ignored_among(first: Noisy, _: Noisy, last: Noisy) {
        pause().await;
        note("body");
    }

    pub(super) async fn ignored_last(first: Noisy, second: Noisy, _: Noisy) -> usize {
        pause().await;
        first.name().len()
    }

    pub(super) async fn tuple((first, second): (Noisy, Noisy), last: Noisy) {
        pause().await;
        note(second.name());
    }

    pub(super) async fn part_of_tuple((first, _): (Noisy, Noisy)) {
        pause().await;
        note("body");
    }

    pub(super) async fn parts_among(
        before: Noisy,
        (first, _, third): (Noisy, Noisy, Noisy),
        after: Noisy,
    ) {
        pause().await;
        note(third.name());
    }

    pub(super) async fn fields(
        Fields { left, .. }: Fields,
        Fields { right: other, left: _ }: Fields,
    ) {
        pause().await;
        note(other.name());
    }

    pub(super) async fn array([first, .., last]: [Noisy; 4], mut other: Noisy) {
        pause().await;
        other = first;
        note(last.name());
    }

    pub(super) async fn by_reference((ref first, second): (Noisy, Noisy), last: Noisy) {
        pause().await;
        note(first.name());
    }

    pub(super) async fn moved_in_body(first: Noisy, second: Noisy, third: Noisy) {
        pause().await;
        drop(second);
        let _local = Noisy("local");
        note("body");
    }

    pub(super) async fn mutable(mut first: Noisy, second: Noisy) {
        pause().await;
        first = Noisy("assigned");
        note("body");
    }

    pub(super) async fn early(first: Noisy, leave: bool, second: Noisy) -> Option<Noisy> {
        pause().await;
        let _local = Noisy("local");
        if leave {
            return None;
        }
        note("body");
        Some(first)
    }

    pub(super) async fn questioned(
        first: Noisy,
        text: &str,
    ) -> Result<u8, std::num::ParseIntError> {
        pause().await;
        let _local = Noisy("local");
        let number = text.parse()?;
        note("body");
        Ok(number)
    }

    pub(super) async fn panicking(first: Noisy, _second: Noisy) -> u8 {
        pause().await;
        let _local = Noisy("local");
        panic!("in the body")
    }

    pub(super) async fn temporary_in_tail(argument: Noisy) -> usize {
        pause().await;
        let _local = Noisy("local");
        Noisy("temporary").name().len() + argument.name().len()
    }

    pub(super) async fn temporary_in_match(argument: Noisy) -> usize {
        pause().await;
        match Noisy("scrutinee").name() {
            "" => 0,
            name => {
                note("arm");
                name.len() + argument.name().len()
            }
        }
    }

    pub(super) async fn passed_on(first: Noisy, second: Noisy) -> (Noisy, Noisy) {
        pause().await;
        note("body");
        (second, first)
    }
}

#[test]
fn used_arguments_are_dropped_after_the_body_in_reverse_order() {
    assert_same_log!(used(Noisy("a"), Noisy("b")));
}

#[test]
fn unused_arguments_live_as_long_as_used_ones() {
    assert_same_log!(unused(Noisy("a"), Noisy("b")));
    assert_same_log!(underscored(Noisy("a"), Noisy("b")));
}

#[test]
fn wildcard_argument_lives_until_the_body_has_run() {
    assert_same_log!(ignored(Noisy("a")));
}

#[test]
fn wildcard_argument_keeps_its_place_in_the_drop_order() {
    assert_same_log!(ignored_among(Noisy("a"), Noisy("b"), Noisy("c")));
    assert_same_log!(ignored_last(Noisy("a"), Noisy("b"), Noisy("c")));
}

#[test]
fn unbound_pattern_parts_keep_their_place_in_the_drop_order() {
    let parts = || (Noisy("first"), Noisy("second"), Noisy("third"));
    assert_same_log!(parts_among(Noisy("before"), parts(), Noisy("after")));
}

#[test]
fn unbound_fields_and_elements_keep_their_place_in_the_drop_order() {
    assert_same_log!(fields(Fields::new("a", "b"), Fields::new("c", "d")));
    assert_same_log!(array(["a", "b", "c", "d"].map(Noisy), Noisy("e")));
}

#[test]
fn bound_pattern_parts_keep_their_place_in_the_drop_order() {
    assert_same_log!(tuple((Noisy("a"), Noisy("b")), Noisy("c")));
    assert_same_log!(part_of_tuple((Noisy("a"), Noisy("b"))));
}

#[test]
fn borrowed_pattern_parts_keep_their_place_in_the_drop_order() {
    assert_same_log!(by_reference((Noisy("a"), Noisy("b")), Noisy("c")));
}

#[test]
fn moved_and_assigned_arguments_are_dropped_at_that_point() {
    assert_same_log!(moved_in_body(Noisy("a"), Noisy("b"), Noisy("c")));
    assert_same_log!(mutable(Noisy("a"), Noisy("b")));
}

#[test]
fn early_return_keeps_the_drop_order() {
    for leave in [true, false] {
        assert_same_log!(early(Noisy("a"), leave, Noisy("b")));
    }
    for text in ["7", "seven"] {
        assert_same_log!(questioned(Noisy("a"), text));
    }
}

#[test]
fn panic_keeps_the_drop_order() {
    assert_same_log!(panicking(Noisy("a"), Noisy("b")));
}

#[test]
fn temporaries_live_as_long_as_in_the_plain_function() {
    assert_same_log!(temporary_in_tail(Noisy("a")));
    assert_same_log!(temporary_in_match(Noisy("a")));
}

#[test]
fn returned_arguments_are_not_dropped() {
    assert_same_log!(passed_on(Noisy("a"), Noisy("b")));
}
