//! The future of an annotated function is `Send`, `Sync` and `Unpin` where the plain one is.

#![expect(clippy::needless_pass_by_value, reason = "the argument type is under test")]

use std::cell::Cell;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Mutex;

use streamgauge::{Usage, instrument_endpoint, track_tokens};

use crate::event_log::pause;

struct Probe<T>(PhantomData<T>);

fn probe<T>(_: &T) -> Probe<T> {
    Probe(PhantomData)
}

/// Tests whether a type implements a trait: if the bound holds, the inherent method is preferred
/// over the trait's method.
macro_rules! probes {
    ($($name:ident $otherwise:ident $bound:path;)*) => {$(
        impl<T: $bound> Probe<T> {
            fn $name(&self) -> bool {
                true
            }
        }

        trait $otherwise {
            fn $name(&self) -> bool {
                false
            }
        }

        impl<T> $otherwise for Probe<T> {}
    )*};
}

probes! {
    is_send NotSend Send;
    is_sync NotSync Sync;
    is_unpin NotUnpin Unpin;
}

macro_rules! auto_traits {
    ($value:expr) => {{
        let probe = probe(&$value);
        [probe.is_send(), probe.is_sync(), probe.is_unpin()]
    }};
}

macro_rules! assert_same_auto_traits {
    ($function:ident($($argument:expr),*), $expected:expr) => {
        assert_eq!(auto_traits!(plain::$function($($argument),*)), $expected);
        assert_eq!(auto_traits!(annotated::$function($($argument),*)), $expected);
    };
}

plain_and_annotated! {
    pub(super) async fn holds_nothing() {
        pause().await;
    }

    pub(super) async fn takes_a_reference(text: &str) -> &str {
        pause().await;
        text
    }

    pub(super) async fn takes_an_rc(number: Rc<u8>) -> u8 {
        pause().await;
        *number
    }

    pub(super) async fn holds_an_rc() -> u8 {
        let number = Rc::new(1);
        pause().await;
        *number
    }

    pub(super) async fn drops_an_rc() -> u8 {
        let number = *Rc::new(1);
        pause().await;
        number
    }

    pub(super) async fn returns_an_rc() -> Rc<u8> {
        pause().await;
        Rc::new(1)
    }

    pub(super) async fn takes_a_cell(cell: Cell<u8>) -> u8 {
        pause().await;
        cell.get()
    }

    pub(super) async fn takes_a_cells_reference(cell: &Cell<u8>) -> u8 {
        pause().await;
        cell.get()
    }

    pub(super) async fn locks_between(mutex: &Mutex<u8>) -> u8 {
        let number = *mutex.lock().expect("the mutex is not poisoned");
        pause().await;
        number
    }

    pub(super) async fn takes_anything<T>(value: T) -> T {
        pause().await;
        value
    }

    pub(super) fn makes_a_future(number: Rc<u8>) -> impl Future<Output = u8> {
        let number = *number;
        std::future::ready(number)
    }
}

const SEND_AND_SYNC: [bool; 3] = [true, true, false];
const SEND: [bool; 3] = [true, false, false];
const NEITHER: [bool; 3] = [false, false, false];

#[test]
fn future_is_send_and_sync_if_the_plain_one_is() {
    let mutex = Mutex::new(1);
    assert_same_auto_traits!(holds_nothing(), SEND_AND_SYNC);
    assert_same_auto_traits!(takes_a_reference("a"), SEND_AND_SYNC);
    assert_same_auto_traits!(drops_an_rc(), SEND_AND_SYNC);
    assert_same_auto_traits!(returns_an_rc(), SEND_AND_SYNC);
    assert_same_auto_traits!(locks_between(&mutex), SEND_AND_SYNC);
    assert_same_auto_traits!(takes_anything("a"), SEND_AND_SYNC);
}

#[test]
fn future_may_hold_values_that_are_not_send_or_sync() {
    let cell = Cell::new(1);
    assert_same_auto_traits!(takes_an_rc(Rc::new(1)), NEITHER);
    assert_same_auto_traits!(holds_an_rc(), NEITHER);
    assert_same_auto_traits!(takes_a_cell(Cell::new(1)), SEND);
    assert_same_auto_traits!(takes_a_cells_reference(&cell), NEITHER);
    assert_same_auto_traits!(takes_anything(Rc::new(1)), NEITHER);
}

#[test]
fn returned_future_keeps_its_auto_traits() {
    assert_same_auto_traits!(makes_a_future(Rc::new(1)), [true, true, true]);
}

#[tokio::test]
async fn values_that_are_not_send_pass_through() {
    assert_same!(takes_an_rc(Rc::new(3)).await);
    assert_same!(takes_a_cell(Cell::new(3)).await);
    assert_same!(returns_an_rc().await);
    assert_same!(makes_a_future(Rc::new(3)).await);
}

#[instrument_endpoint]
#[track_tokens(model = "small")]
async fn counted(text: &str) -> Usage {
    pause().await;
    Usage::new(text.len() as u64, 1)
}

#[instrument_endpoint]
#[track_tokens(model = "small")]
async fn counted_locally(text: Rc<str>) -> Usage {
    pause().await;
    Usage::new(text.len() as u64, 1)
}

#[test]
fn stacked_attributes_keep_auto_traits() {
    assert_eq!(auto_traits!(counted("a")), SEND_AND_SYNC);
    assert_eq!(auto_traits!(counted_locally("a".into())), NEITHER);
}

/// The caller's future holds a borrow across an await and must still be `Send`.
#[tokio::test]
async fn caller_that_lends_a_reference_can_be_spawned() {
    let task = tokio::spawn(async {
        let text = "a b".to_owned();
        let lent = annotated::takes_a_reference(&text).await.len();
        let words: Vec<&str> = text.split(' ').collect();
        let mut replies = Vec::new();
        for word in &words {
            replies.push(annotated::takes_a_reference(word).await);
        }
        assert_eq!(replies, words);
        lent
    });
    assert_eq!(task.await.expect("the task completes"), 3);
}
