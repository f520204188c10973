//! Ends and beginnings of bodies that a wrapper trips over.

#![expect(
    clippy::borrow_deref_ref,
    clippy::if_not_else,
    clippy::manual_async_fn,
    clippy::unused_async,
    reason = "what is tested is written so"
)]

use std::sync::Mutex;

use crate::log::{Noisy, logged};

each! {
    [
        plain: [],
        annotated: [#[streamgauge::instrument_endpoint]],
    ]

    pub(super) fn borrowed_mutably((first, ref mut second): (u8, String)) -> usize {
        second.push(char::from(first));
        second.len()
    }

    pub(super) async fn borrowed_mutably_later(
        (first, ref mut second): (u8, String),
    ) -> Option<usize> {
        second.push(char::from_digit(first.into(), 10)?);
        Some(second.len())
    }

    /// The guard lives no longer than the tail, and so does what it borrows.
    pub(super) async fn tail_of_a_lock() -> &'static str {
        let text = Mutex::new(Noisy("text"));
        &*text.lock().expect("nobody panicked").0
    }

    pub(super) async fn tail_temporary() -> &'static str {
        let _local = Noisy("local");
        &*Noisy("temporary").0
    }

    /// As it is while someone still has to write it.
    pub(super) async fn unwritten() -> impl Sized {
        todo!("write this")
    }

    pub(super) fn unwritten_now() -> impl Sized {
        unimplemented!()
    }

    pub(super) fn unwritten_future() -> impl Future<Output = u8> {
        async { todo!() }
    }

    pub(super) async fn negates(flag: bool) -> u8 {
        if !(flag) { 1 } else { 2 }
    }
}

#[tokio::test]
async fn what_a_pattern_borrows_mutably_can_be_changed() {
    assert_eq!(annotated::borrowed_mutably((65, "a".into())), 2);
    assert_eq!(plain::borrowed_mutably((65, "a".into())), 2);
    assert_eq!(annotated::borrowed_mutably_later((5, "a".into())).await, Some(2));
    assert_eq!(plain::borrowed_mutably_later((5, "a".into())).await, Some(2));
}

#[test]
fn a_tail_lets_go_of_its_temporaries_before_the_locals() {
    use futures_util::FutureExt;
    let of_plain = logged(|| plain::tail_temporary().now_or_never());
    let of_annotated = logged(|| annotated::tail_temporary().now_or_never());
    assert_eq!(of_annotated, of_plain);
    assert_eq!(annotated::tail_of_a_lock().now_or_never(), plain::tail_of_a_lock().now_or_never());
}

#[tokio::test]
async fn what_is_still_to_be_written_compiles() {
    drop((plain::unwritten(), annotated::unwritten()));
    drop((plain::unwritten_future(), annotated::unwritten_future()));
    let _: [fn() -> _; 1] = [plain::unwritten_now];
    let _: [fn() -> _; 1] = [annotated::unwritten_now];
    assert_eq!(plain::negates(true).await, annotated::negates(true).await);
}
