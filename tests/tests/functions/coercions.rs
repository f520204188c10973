//! The value of a body is coerced to the return type, as without the attribute.

#![expect(
    clippy::default_trait_access,
    clippy::ptr_arg,
    clippy::unused_async,
    reason = "the signature determines the type"
)]

use std::collections::{BTreeMap, HashSet};
use std::error::Error;
use std::fmt::Display;
use std::pin::Pin;
use std::sync::Arc;

use crate::event_log::pause;

type Boxed = Box<dyn Error + Send + Sync>;

plain_and_annotated! {
    pub(super) fn collected(text: &str) -> BTreeMap<char, usize> {
        text.chars().zip(1..).collect()
    }

    pub(super) async fn collected_later(text: &str) -> Result<Vec<u8>, std::num::ParseIntError> {
        pause().await;
        text.split(' ').map(str::parse).collect()
    }

    pub(super) async fn into(text: &str) -> Arc<str> {
        if text.is_empty() {
            return "empty".into();
        }
        text.into()
    }

    pub(super) fn boxed(number: u8) -> Box<dyn Display> {
        if number == 0 {
            return Box::new("zero");
        }
        Box::new(number)
    }

    pub(super) async fn boxed_in_ok(number: u8) -> Result<Box<dyn Display + Send>, Boxed> {
        if number == 0 {
            return Err("zero".into());
        }
        pause().await;
        let number: u8 = number.to_string().parse()?;
        Ok(Box::new(number))
    }

    pub(super) async fn boxed_in_tuple(number: u8) -> (u8, Option<Arc<dyn Display>>) {
        (number, Some(Arc::new(number)))
    }

    pub(super) fn boxed_future(number: u8) -> Pin<Box<dyn Future<Output = u8> + Send>> {
        match number {
            0 => Box::pin(std::future::ready(0)),
            _ => Box::pin(async move { number - 1 }),
        }
    }

    pub(super) fn function() -> fn(u8) -> u8 {
        |number| number + 1
    }

    pub(super) fn slice(numbers: &[u8; 3]) -> &[u8] {
        numbers
    }

    pub(super) async fn slice_of_vec(numbers: &Vec<u8>) -> &[u8] {
        numbers
    }

    pub(super) fn wide() -> u64 {
        7
    }

    pub(super) async fn defaulted() -> HashSet<u8> {
        Default::default()
    }

    pub(super) fn hidden(number: u8) -> Result<impl Display + use<>, String> {
        if number == 0 {
            return Err("zero".into());
        }
        Ok(format!("{number}!"))
    }

    pub(super) async fn hidden_later(number: u8) -> Result<impl Iterator<Item = u8>, Boxed> {
        if number == 0 {
            Err("zero")?;
        }
        Ok((0..number).map(|number| number * 2))
    }

    pub(super) fn hidden_within() -> impl Iterator<Item = impl Display> {
        [1, 2].into_iter()
    }
}

/// Formats both sides of a result.
fn displayed<T: Display, E: Display>(result: Result<T, E>) -> Result<String, String> {
    result.map(|value| value.to_string()).map_err(|error| error.to_string())
}

#[tokio::test]
async fn inferred_types_come_from_the_signature() {
    assert_same!(collected("aba"));
    for text in ["1 2", "one"] {
        assert_same!(collected_later(text).await);
    }
    assert_same!(into("").await);
    assert_same!(into("a").await);
    assert_same!(wide());
    assert_same!(defaulted().await);
}

#[tokio::test]
async fn coercion_to_trait_objects_works() {
    for number in [0, 1] {
        assert_eq!(annotated::boxed(number).to_string(), plain::boxed(number).to_string());
        assert_eq!(
            displayed(annotated::boxed_in_ok(number).await),
            displayed(plain::boxed_in_ok(number).await),
        );
        assert_same!(boxed_future(number).await);
        let tuples = [annotated::boxed_in_tuple(number).await, plain::boxed_in_tuple(number).await];
        for (number, object) in tuples {
            assert_eq!(object.map(|object| object.to_string()), Some(number.to_string()));
        }
    }
}

#[tokio::test]
async fn coercion_to_function_pointers_and_slices_works() {
    assert_eq!(annotated::function()(1), plain::function()(1));
    assert_same!(slice(&[1, 2, 3]));
    assert_same!(slice_of_vec(&vec![1, 2, 3]).await);
}

#[tokio::test]
async fn opaque_return_types_keep_their_values() {
    for number in [0, 3] {
        assert_eq!(displayed(annotated::hidden(number)), displayed(plain::hidden(number)));
        let collected = [
            annotated::hidden_later(number).await.map(Iterator::collect::<Vec<u8>>).ok(),
            plain::hidden_later(number).await.map(Iterator::collect::<Vec<u8>>).ok(),
        ];
        assert_eq!(collected[0], collected[1]);
    }
    let displayed = |item: &dyn Display| item.to_string();
    assert!(
        annotated::hidden_within()
            .map(|item| displayed(&item))
            .eq(plain::hidden_within().map(|item| displayed(&item)))
    );
}
