//! Generic functions keep exactly the parameters they have without the attribute.

use std::fmt::{Debug, Display};

use crate::event_log::pause;

plain_and_annotated! {
    pub(super) fn parsed<T: std::str::FromStr>(text: &str) -> Option<T> {
        text.parse().ok()
    }

    pub(super) async fn converted<A, B>(value: A) -> Result<B, A::Error>
    where
        A: TryInto<B>,
    {
        pause().await;
        let value = value.try_into()?;
        Ok(value)
    }

    pub(super) fn array<T: Copy + Default, const N: usize>(first: T) -> [T; N] {
        let mut values = [T::default(); N];
        if let Some(value) = values.first_mut() {
            *value = first;
        }
        values
    }

    pub(super) async fn array_later<const N: usize>() -> [usize; N] {
        pause().await;
        [N; N]
    }

    pub(super) fn higher_ranked<F>(split: F, text: &str) -> usize
    where
        F: for<'a> Fn(&'a str) -> &'a str,
        for<'a> &'a F: Copy,
    {
        let own = format!("{text} and more");
        split(text).len() + split(&own).len()
    }

    pub(super) fn debugged<T>(values: &[T]) -> Vec<String>
    where
        for<'a> &'a T: Debug,
    {
        values.iter().map(|value| format!("{value:?}")).collect()
    }

    pub(super) async fn in_argument_position(
        name: impl Into<String>,
        shout: impl AsyncFn(String) -> String,
        numbers: impl IntoIterator<Item = impl Display>,
    ) -> String {
        let mut reply = shout(name.into()).await;
        for number in numbers {
            reply += &number.to_string();
        }
        reply
    }

    pub(super) fn mixed<T: Display>(value: T, other: impl Display) -> String {
        format!("{value}{other}")
    }

    pub(super) fn outliving<'long: 'short, 'short, T: ?Sized>(
        left: &'long T,
        _right: &'short T,
    ) -> &'short T {
        left
    }

    pub(super) fn early_bound<'a, T>(values: &'a [T]) -> impl Iterator<Item = &'a T> + use<'a, T>
    where
        T: PartialEq + 'a,
    {
        values.iter().filter(|value| **value == values[0])
    }

    pub(super) fn size<T: ?Sized>(value: &T) -> usize {
        size_of_val(value)
    }

    pub(super) fn associated<I: Iterator>(items: I) -> Option<<I as Iterator>::Item> {
        items.last()
    }
}

#[tokio::test]
async fn turbofish_takes_the_same_parameters() {
    assert_same!(parsed::<u8>("7"));
    assert_same!(parsed::<f64>("7"));
    assert_same!(converted::<u32, u8>(7).await);
    assert_same!(converted::<u32, u8>(700).await);
    assert_same!(array::<u8, 3>(1));
    assert_same!(array_later::<4>().await);
    assert_eq!(annotated::mixed::<u8>(1, "a"), plain::mixed::<u8>(1, "a"));
    assert_same!(size::<str>("abc"));
    assert_same!(outliving::<[u8]>(&[1], &[2]));
}

#[test]
fn generic_parameters_are_inferred_from_arguments_and_return_types() {
    let [left, right]: [[i8; 2]; 2] = [annotated::array(1), plain::array(1)];
    assert_eq!(left, right);
    let [left, right]: [Option<u16>; 2] = [annotated::parsed("300"), plain::parsed("300")];
    assert_eq!(left, right);
    assert_same!(associated([1, 2].iter()));
}

#[test]
fn higher_ranked_bounds_are_kept() {
    assert_same!(higher_ranked(str::trim, " a "));
    assert_same!(debugged(&["a", "b"]));
}

#[tokio::test]
async fn impl_trait_arguments_are_kept() {
    let shout = async |name: String| {
        pause().await;
        name.to_uppercase()
    };
    assert_same!(in_argument_position("a", &shout, [1, 2]).await);
    assert!(annotated::early_bound(&[1, 2, 1]).eq(plain::early_bound(&[1, 2, 1])));
}

#[test]
fn generic_function_can_be_used_as_a_value() {
    let functions = [annotated::size::<[u16]>, plain::size::<[u16]>];
    assert_eq!(functions.map(|size| size(&[1, 2, 3])), [6, 6]);
}
