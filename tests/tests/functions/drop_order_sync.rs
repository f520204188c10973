//! Arguments and temporaries of an annotated function are dropped at the same time and in the same
//! order as in the plain one.

#![expect(
    unused_assignments,
    unused_variables,
    clippy::needless_pass_by_value,
    reason = "the drop of arguments is under test"
)]

use crate::event_log::{Noisy, logged, note};

/// Asserts that both functions log the same events.
macro_rules! assert_same_log {
    ($function:ident($($argument:expr),*)) => {
        assert_eq!(
            logged(|| annotated::$function($($argument),*)),
            logged(|| plain::$function($($argument),*)),
        )
    };
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
    pub(super) fn used(first: Noisy, second: Noisy) -> usize {
        let length = first.name().len() + second.name().len();
        note("body");
        length
    }

    pub(super) fn unused(first: Noisy, second: Noisy) {
        note("body");
    }

    pub(super) fn underscored(_first: Noisy, _second: Noisy) {
        note("body");
    }

    pub(super) fn ignored(_: Noisy) {
        note("body");
    }

    pub(super) fn ignored_among(first: Noisy, _: Noisy, last: Noisy) {
        note("body");
    }

    pub(super) fn ignored_last(first: Noisy, second: Noisy, _: Noisy) -> usize {
        first.name().len()
    }

    pub(super) fn tuple((first, second): (Noisy, Noisy), last: Noisy) {
        note(second.name());
    }

    pub(super) fn part_of_tuple((first, _): (Noisy, Noisy)) {
        note("body");
    }

    pub(super) fn parts_among(
        before: Noisy,
        (first, _, third): (Noisy, Noisy, Noisy),
        after: Noisy,
    ) {
        note(third.name());
    }

    pub(super) fn fields(Fields { left, .. }: Fields, Fields { right: other, left: _ }: Fields) {
        note(other.name());
    }

    pub(super) fn array([first, .., last]: [Noisy; 4], mut other: Noisy) {
        other = first;
        note(last.name());
    }

    pub(super) fn by_reference((ref first, second): (Noisy, Noisy), last: Noisy) {
        note(first.name());
    }

    pub(super) fn moved_in_body(first: Noisy, second: Noisy, third: Noisy) {
        drop(second);
        let _local = Noisy("local");
        note("body");
    }

    pub(super) fn mutable(mut first: Noisy, second: Noisy) {
        first = Noisy("assigned");
        note("body");
    }

    pub(super) fn early(first: Noisy, leave: bool, second: Noisy) -> Option<Noisy> {
        let _local = Noisy("local");
        if leave {
            return None;
        }
        note("body");
        Some(first)
    }

    pub(super) fn questioned(first: Noisy, text: &str) -> Result<u8, std::num::ParseIntError> {
        let _local = Noisy("local");
        let number = text.parse()?;
        note("body");
        Ok(number)
    }

    pub(super) fn panicking(first: Noisy, _second: Noisy) -> u8 {
        let _local = Noisy("local");
        panic!("in the body")
    }

    pub(super) fn temporary_in_tail(argument: Noisy) -> usize {
        let _local = Noisy("local");
        Noisy("temporary").name().len() + argument.name().len()
    }

    pub(super) fn temporary_in_match(argument: Noisy) -> usize {
        match Noisy("scrutinee").name() {
            "" => 0,
            name => {
                note("arm");
                name.len() + argument.name().len()
            }
        }
    }

    pub(super) fn passed_on(first: Noisy, second: Noisy) -> (Noisy, Noisy) {
        note("body");
        (second, first)
    }
}

#[test]
fn used_arguments_are_dropped_after_the_body_in_reverse_order() {
    assert_same_log!(used(Noisy("a"), Noisy("b")));
    assert_eq!(logged(|| annotated::used(Noisy("a"), Noisy("b"))), ["body", "b", "a"]);
}

#[test]
fn unused_arguments_live_as_long_as_used_ones() {
    assert_same_log!(unused(Noisy("a"), Noisy("b")));
    assert_same_log!(underscored(Noisy("a"), Noisy("b")));
}

#[test]
fn wildcard_argument_lives_until_the_body_has_run() {
    assert_same_log!(ignored(Noisy("a")));
    assert_eq!(logged(|| annotated::ignored(Noisy("a"))), ["body", "a"]);
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
