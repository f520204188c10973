//! Functions that are generic over types, constants and lifetimes, or take `impl Trait`.

#![deny(warnings)]
#![forbid(unsafe_code)]

use std::fmt::{Debug, Display};
use std::sync::Arc;

use streamgauge::instrument_endpoint;

#[instrument_endpoint]
async fn shown<T: Display>(value: T) -> String {
    value.to_string()
}

#[instrument_endpoint]
fn first<T, const N: usize>(values: [T; N]) -> Option<T>
where
    T: Clone,
{
    values.first().cloned()
}

#[instrument_endpoint]
async fn filled<const N: usize>() -> [u8; N] {
    [N as u8; N]
}

#[instrument_endpoint]
fn identity<T>(value: T) -> T {
    value
}

#[instrument_endpoint]
async fn converted<A, B>(value: A) -> Result<B, A::Error>
where
    A: TryInto<B>,
{
    let value = value.try_into()?;
    Ok(value)
}

#[instrument_endpoint]
async fn named(name: impl Into<String> + Send, shout: impl Fn(&str) -> String) -> String {
    shout(&name.into())
}

#[instrument_endpoint]
async fn longer<'a: 'b, 'b, T: ?Sized + AsRef<str>>(left: &'a T, right: &'b T) -> &'b T {
    if left.as_ref().len() > right.as_ref().len() { left } else { right }
}

#[instrument_endpoint]
fn debugged<T>(values: &[T]) -> impl Iterator<Item = String>
where
    for<'x> &'x T: Debug,
{
    values.iter().map(|value| format!("{value:?}"))
}

#[instrument_endpoint]
async fn dynamic(value: Arc<dyn Display + Send + Sync>, other: &(dyn Debug + Sync)) -> String {
    format!("{value} {other:?}")
}

/// Items in the body cannot use the function's generics, but a macro in the body can.
#[instrument_endpoint]
fn with_items<T: Default>() -> (T, u32) {
    const ONE: u32 = 1;
    struct Held(u32);
    impl Held {
        fn get(&self) -> u32 {
            self.0 + ONE
        }
    }
    macro_rules! default {
        () => {
            T::default()
        };
    }
    (default!(), Held(ONE).get())
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    assert_eq!(shown(1).await, "1");
    assert_eq!(shown("one").await, "one");
    assert_eq!(first([1, 2]), Some(1));
    assert_eq!(first::<u8, 0>([]), None);
    assert_eq!(filled::<3>().await, [3; 3]);
    assert_eq!(identity("same"), "same");
    assert_eq!(converted::<u32, u8>(7).await, Ok(7));
    assert!(converted::<u32, u8>(700).await.is_err());
    assert_eq!(named("a", str::to_uppercase).await, "A");
    assert_eq!(longer("long", "longer").await, "longer");
    assert_eq!(debugged(&["x"]).next().unwrap(), "\"x\"");
    assert_eq!(dynamic(Arc::new(1), &"x").await, "1 \"x\"");
    assert_eq!(with_items::<u8>(), (0, 2));
}
