//! Tests of usage: its parts and its partition.

use super::*;

#[test]
fn usage_counts_are_listed_by_index() {
    for (index, count) in UsageCount::ALL.into_iter().enumerate() {
        assert_eq!(count.index(), index);
    }
}

#[test]
fn token_count_is_saturated_and_never_negative() {
    assert_eq!(u128::MAX.count(), Some(u64::MAX));
    assert_eq!(i128::MAX.count(), Some(u64::MAX));
    assert_eq!((u128::from(u64::MAX) + 1).count(), Some(u64::MAX));
    assert_eq!(u128::from(u64::MAX).count(), Some(u64::MAX));
    assert_eq!([i128::MIN.count(), (-1_i8).count(), (-1_isize).count()], [None; 3]);
    assert_eq!([0_u8.count(), 0_i64.count(), 0_usize.count()], [Some(0); 3]);
    assert_eq!(NonZero::new(7_u16).count(), Some(7));
    assert_eq!(NonZero::new(-7_i128).count(), None);
}

#[test]
fn usage_is_equal_only_with_the_same_known_counts() {
    assert_ne!(Usage::new(1, 0), Usage::new(1, 0).cache_write_1h(0));
    assert_ne!(Usage::new(1, 0).input_audio(1), Usage::new(1, 0).input_image(1));
    assert_eq!(Usage::new(1, 0).output_audio(0), Usage::new(1, 0).output_audio(0));
}

#[test]
fn debug_output_of_usage_has_the_known_counts() {
    let usage = Usage::new(10, 5).cache_write_1h(3).output_image(0);
    let text = "Usage { input: 10, cache_write_1h: 3, output: 5, output_image: 0 }";
    assert_eq!(format!("{usage:?}"), text);
    assert_eq!(format!("{:?}", Usage::default()), "Usage");
}

#[test]
fn sums_and_maxima_apply_to_each_count() {
    let first = Usage::new(10, 5).cache_write_1h(3).input_audio(1).output_audio(4);
    let second = Usage::new(20, 2).cache_write_1h(1).input_image(2).output_audio(5);
    let sum = Usage::new(30, 7).cache_write_1h(4).input_audio(1).input_image(2).output_audio(9);
    assert_eq!(first.plus(second), sum);
    let maximum = Usage::new(20, 5).cache_write_1h(3).input_audio(1).input_image(2).output_audio(5);
    assert_eq!(first.max_per_field(second), maximum);
    assert_eq!(Usage::new(u64::MAX, 1).plus(first).input_tokens(), Some(u64::MAX));
}

#[test]
fn clamped_usage_has_the_limit_in_each_count() {
    let usage = UsageCount::ALL
        .into_iter()
        .fold(Usage::default(), |usage, count| usage.with(count, u64::MAX));
    let clamped = usage.clamped();
    assert!(UsageCount::ALL.into_iter().all(|count| clamped.get(count) == Some(MAX_TOKENS)));
    assert_eq!(Usage::default().clamped(), Usage::default());
}

#[test]
fn counts_of_a_part_fill_only_gaps() {
    let whole = Usage::from_counts([(UsageCount::Input, Some(10))]);
    let part = Usage::new(99, 5).input_image(2);
    let both = Some(Usage::new(10, 5).input_image(2));
    assert_eq!(Usage::with_part(whole, Some(part)), both);
    assert_eq!(Usage::with_part(None, Some(part)), Some(part));
    assert_eq!(Usage::with_part(whole, None), whole);
}

#[test]
fn cached_tokens_are_added_to_an_input_without_them() {
    let parts = Usage::from_counts([
        (UsageCount::Output, Some(503)),
        (UsageCount::CacheRead, Some(2_000)),
        (UsageCount::CacheWrite1h, Some(7)),
        (UsageCount::InputImage, Some(20)),
    ]);
    // Images are part of the uncached input.
    let whole = Usage::new(2_057, 503).cache_read(2_000).cache_write_1h(7).input_image(20);
    assert_eq!(Usage::with_uncached(parts, Some(50)), Some(whole));
    assert_eq!(Usage::with_uncached(parts, None), parts);
    let alone = Usage::from_counts([(UsageCount::Input, Some(50))]);
    assert_eq!(Usage::with_uncached(None, Some(50)), alone);
}

#[test]
fn usage_without_any_count_is_none() {
    assert_eq!(Usage::from_counts([]), None);
    assert_eq!(Usage::from_counts([(UsageCount::Input, None)]), None);
    assert_eq!((-1_i32).count(), None);
    assert_eq!(Some(7_u8).count(), Some(7));
}
