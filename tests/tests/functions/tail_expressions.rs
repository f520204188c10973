//! Tail expressions, `ref mut` patterns and `todo!()` bodies, which are hard to wrap.

#![expect(
    clippy::borrow_deref_ref,
    clippy::if_not_else,
    clippy::manual_async_fn,
    clippy::unused_async,
    reason = "these forms are under test"
)]

use std::sync::Mutex;

use crate::event_log::{Noisy, logged};

in_modules! {
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

    /// The guard in the tail expression must be dropped before the mutex that it borrows.
    pub(super) async fn tail_of_a_lock() -> &'static str {
        let text = Mutex::new(Noisy("text"));
        &*text.lock().expect("the mutex is not poisoned").0
    }

    pub(super) async fn tail_temporary() -> &'static str {
        let _local = Noisy("local");
        &*Noisy("temporary").0
    }

    /// A function that is not yet written.
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
async fn ref_mut_patterns_can_be_changed() {
    assert_eq!(annotated::borrowed_mutably((65, "a".into())), 2);
    assert_eq!(plain::borrowed_mutably((65, "a".into())), 2);
    assert_eq!(annotated::borrowed_mutably_later((5, "a".into())).await, Some(2));
    assert_eq!(plain::borrowed_mutably_later((5, "a".into())).await, Some(2));
}

#[test]
fn tail_temporaries_are_dropped_before_locals() {
    use futures_util::FutureExt;
    let plain_log = logged(|| plain::tail_temporary().now_or_never());
    let annotated_log = logged(|| annotated::tail_temporary().now_or_never());
    assert_eq!(annotated_log, plain_log);
    assert_eq!(annotated::tail_of_a_lock().now_or_never(), plain::tail_of_a_lock().now_or_never());
}

#[tokio::test]
async fn todo_bodies_compile() {
    drop((plain::unwritten(), annotated::unwritten()));
    drop((plain::unwritten_future(), annotated::unwritten_future()));
    let _: [fn() -> _; 1] = [plain::unwritten_now];
    let _: [fn() -> _; 1] = [annotated::unwritten_now];
    assert_eq!(plain::negates(true).await, annotated::negates(true).await);
}
