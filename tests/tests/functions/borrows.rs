//! Borrows: references and guards pass through annotated functions; function pointers to them.

use std::sync::{Mutex, MutexGuard};

use crate::event_log::pause;

plain_and_annotated! {
    pub(super) fn trimmed(text: &str) -> &str {
        text.trim()
    }

    pub(super) fn pushed(numbers: &mut Vec<u8>) -> &mut u8 {
        numbers.push(1);
        let last = numbers.len() - 1;
        &mut numbers[last]
    }

    pub(super) fn longest<'a>(left: &'a str, right: &'a str) -> &'a str {
        if left.len() > right.len() { left } else { right }
    }

    pub(super) async fn pushed_later(numbers: &mut Vec<u8>) -> Option<&mut u8> {
        let first = numbers.first().copied()?;
        pause().await;
        numbers.push(first);
        numbers.last_mut()
    }

    pub(super) async fn borrows_its_own(text: String) -> usize {
        let words: Vec<&str> = text.split(' ').collect();
        pause().await;
        words.len()
    }

    pub(super) fn locked(mutex: &Mutex<u8>) -> MutexGuard<'_, u8> {
        mutex.lock().expect("the mutex is not poisoned")
    }

    pub(super) async fn locked_later(
        mutex: &tokio::sync::Mutex<u8>,
    ) -> tokio::sync::MutexGuard<'_, u8> {
        let mut guard = mutex.lock().await;
        *guard += 1;
        guard
    }

    pub(super) async fn applied(numbers: &mut [u8], change: &mut dyn FnMut(&mut u8)) {
        for number in numbers {
            pause().await;
            change(number);
        }
    }
}

type Pushed = for<'a> fn(&'a mut Vec<u8>) -> &'a mut u8;
type Locked = for<'a> fn(&'a Mutex<u8>) -> MutexGuard<'a, u8>;

/// Function pointers that are generic over lifetimes.
const TRIMMED: [for<'a> fn(&'a str) -> &'a str; 2] = [annotated::trimmed, plain::trimmed];
const PUSHED: [Pushed; 2] = [annotated::pushed, plain::pushed];
const LONGEST: [for<'a> fn(&'a str, &'a str) -> &'a str; 2] = [annotated::longest, plain::longest];
const LOCKED: [Locked; 2] = [annotated::locked, plain::locked];

#[test]
fn function_pointers_are_generic_over_lifetimes() {
    let text = " a ".to_owned();
    assert_eq!(TRIMMED.map(|trimmed| trimmed(&text)), ["a", "a"]);
    assert_eq!(LONGEST.map(|longest| longest(&text, "b")), [" a ", " a "]);
    for pushed in PUSHED {
        let mut numbers = vec![7];
        *pushed(&mut numbers) += 1;
        *pushed(&mut numbers) += 2;
        assert_eq!(numbers, [7, 2, 3]);
    }
}

#[tokio::test]
async fn borrow_ends_with_its_last_use() {
    let mut numbers = vec![1];
    *annotated::pushed_later(&mut numbers).await.expect("the list is not empty") += 1;
    *plain::pushed_later(&mut numbers).await.expect("the list is not empty") += 1;
    assert_eq!(numbers, [1, 2, 2]);
    let mut sum = 0;
    annotated::applied(&mut numbers, &mut |number| sum += *number).await;
    plain::applied(&mut numbers, &mut |number| sum += *number).await;
    assert_eq!(sum, 10);
    assert_same!(borrows_its_own("a b".to_owned()).await);
}

#[tokio::test]
async fn returned_guard_holds_its_lock() {
    let mutex = Mutex::new(1);
    for locked in LOCKED {
        let guard = locked(&mutex);
        assert!(mutex.try_lock().is_err());
        drop(guard);
        assert!(mutex.try_lock().is_ok());
    }
    let mutex = tokio::sync::Mutex::new(1);
    let guard = annotated::locked_later(&mutex).await;
    assert!(mutex.try_lock().is_err());
    drop(guard);
    assert_eq!(*plain::locked_later(&mutex).await, 3);
}
