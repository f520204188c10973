//! Return values that borrow from the arguments.

#![deny(warnings)]
#![forbid(unsafe_code)]

use std::borrow::Cow;
use std::collections::HashMap;

use streamgauge::instrument_endpoint;

#[instrument_endpoint]
fn trimmed(text: &str) -> &str {
    text.trim()
}

#[instrument_endpoint]
async fn trimmed_later(text: &str) -> &str {
    if text.is_empty() {
        return text;
    }
    text.trim()
}

#[instrument_endpoint]
fn of_the_first<'a>(text: &'a str, end: &str) -> Cow<'a, str> {
    match text.strip_suffix(end) {
        Some(rest) => rest.into(),
        None => text.replace('.', "").into(),
    }
}

#[instrument_endpoint]
fn reborrowed(numbers: &mut Vec<u32>) -> &mut u32 {
    numbers.push(1);
    let last = numbers.len() - 1;
    &mut numbers[last]
}

#[instrument_endpoint]
async fn reborrowed_later(numbers: &mut [u32]) -> Option<&mut u32> {
    let first = numbers.first_mut()?;
    *first += 1;
    Some(first)
}

#[instrument_endpoint]
fn split(numbers: &mut [u32]) -> (&mut [u32], &mut [u32]) {
    numbers.split_at_mut(1)
}

#[instrument_endpoint]
fn entry<'m>(map: &'m mut HashMap<String, u32>, key: &str) -> Result<&'m mut u32, String> {
    map.get_mut(key).ok_or_else(|| key.to_owned())
}

#[instrument_endpoint]
fn boxed<'a>(text: &'a str) -> Box<dyn Iterator<Item = char> + 'a> {
    Box::new(text.chars())
}

/// A function with a named lifetime.
#[instrument_endpoint]
fn longest<'a>(left: &'a str, right: &'a str) -> &'a str {
    if left.len() > right.len() { left } else { right }
}

/// Function pointers stay generic over lifetimes.
const POINTER: for<'a> fn(&'a str) -> &'a str = trimmed;
const MUTABLE: for<'a> fn(&'a mut Vec<u32>) -> &'a mut u32 = reborrowed;
const SAME: for<'a> fn(&'a str, &'a str) -> &'a str = longest;
const BOXED: for<'a> fn(&'a str) -> Box<dyn Iterator<Item = char> + 'a> = boxed;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    assert_eq!(trimmed(" a "), "a");
    assert_eq!(trimmed_later(" a ").await, "a");
    assert_eq!(of_the_first("a.b", "b"), "a.");
    assert_eq!(of_the_first("a.b", "c"), "ab");
    let mut numbers = vec![1, 2];
    *reborrowed(&mut numbers) = 7;
    *MUTABLE(&mut numbers) = 8;
    *reborrowed_later(&mut numbers).await.unwrap() += 1;
    split(&mut numbers).1[0] = 9;
    assert_eq!(numbers, [3, 9, 7, 8]);
    let mut map = HashMap::from([("a".to_owned(), 1)]);
    *entry(&mut map, "a").unwrap() += 1;
    assert_eq!(entry(&mut map, "b"), Err("b".to_owned()));
    assert_eq!(map["a"], 2);
    assert_eq!(boxed("abc").last(), Some('c'));
    assert_eq!(BOXED("abc").last(), Some('c'));
    let text = " long ".to_owned();
    assert_eq!(POINTER(&text), SAME("", text.trim()));
    drop(text);
}
