//! Numbers to which several threads add at the same time.
//!
//! A series starts with one set of atomics, which most series never outgrow. A series on which
//! threads collide often is split: it gets several more sets, each on cache lines of its own, and
//! each thread adds to one of them. Readers sum up all sets.

use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::Ordering::{Relaxed, Release};
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize};
use std::thread;

/// The number of collisions before a series is split. A rare collision costs less than the memory.
const COLLISIONS_BEFORE_SPLIT: u32 = 64;

/// The maximum number of shards of a series, on machines with any number of processors.
const MAX_SHARDS: usize = 16;

/// A set of numbers that is split into shards when threads collide on it.
pub(super) struct Sharded<T> {
    first: T,
    collisions: AtomicU32,
    shards: OnceLock<Box<Shards<T>>>,
}

type Shards<T> = Box<[CachePadded<T>]>;

/// A value that shares no cache line with its neighbours. Most processors fetch pairs of 64-byte
/// lines.
///
/// This is `CachePadded` of `crossbeam-utils`, which an axum application does not build otherwise.
#[repr(align(128))]
struct CachePadded<T>(T);

impl<T> Sharded<T> {
    pub(super) fn new(first: T) -> Self {
        Self { first, collisions: AtomicU32::new(0), shards: OnceLock::new() }
    }

    /// Calls `add` with the numbers of this thread. `add` returns whether it collided with another
    /// thread; after enough collisions `make` creates the shards.
    #[inline]
    pub(super) fn add(&self, add: impl FnOnce(&T) -> bool, make: impl Fn() -> T) {
        match self.shards.get() {
            Some(shards) => {
                add(&shards[thread_number() & (shards.len() - 1)].0);
            }
            None if add(&self.first) => self.note_collision(make),
            None => {}
        }
    }

    #[cold]
    fn note_collision(&self, make: impl Fn() -> T) {
        let collisions = self.collisions.fetch_add(1, Relaxed);
        if collisions >= COLLISIONS_BEFORE_SPLIT && shard_count() > 1 {
            self.shards.get_or_init(|| {
                Box::new((0..shard_count()).map(|_| CachePadded(make())).collect())
            });
        }
    }

    /// Returns the sum of a number over all sets.
    pub(super) fn sum(&self, number: impl Fn(&T) -> u64) -> u64 {
        self.iter().map(number).fold(0, u64::saturating_add)
    }

    fn iter(&self) -> impl Iterator<Item = &T> {
        let shards = self.shards.get().into_iter().flat_map(|shards| shards.iter());
        std::iter::once(&self.first).chain(shards.map(|shard| &shard.0))
    }
}

/// Adds to a number, which stays at its maximum rather than wrap. Returns whether another thread
/// changed the number at the same moment.
///
/// A reader that loads the number with `Acquire` also sees what this thread wrote before the
/// addition.
#[inline]
pub(super) fn add(number: &AtomicU64, amount: u64) -> bool {
    let seen = number.load(Relaxed);
    let sum = seen.saturating_add(amount);
    let collided = number.compare_exchange(seen, sum, Release, Relaxed).is_err();
    if collided {
        let _ = number.fetch_update(Release, Relaxed, |seen| Some(seen.saturating_add(amount)));
    }
    collided
}

/// Returns the number of shards of a split series, a power of two.
///
/// The first call asks the operating system. `Families::new` makes that call, so that recording
/// never does.
pub(super) fn shard_count() -> usize {
    static COUNT: OnceLock<usize> = OnceLock::new();
    *COUNT.get_or_init(|| {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        threads.next_power_of_two().min(MAX_SHARDS)
    })
}

/// Returns the number of this thread. Numbers are consecutive, so that the workers of a runtime,
/// which start one after another, use different shards.
#[inline]
fn thread_number() -> usize {
    const UNKNOWN: usize = usize::MAX;
    thread_local! {
        static NUMBER: Cell<usize> = const { Cell::new(UNKNOWN) };
    }
    #[cold]
    fn next() -> usize {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        NEXT.fetch_add(1, Relaxed)
    }
    NUMBER.with(|number| {
        if number.get() == UNKNOWN {
            number.set(next());
        }
        number.get()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(numbers: &Sharded<AtomicU64>) -> u64 {
        numbers.sum(|number| number.load(Relaxed))
    }

    #[test]
    fn shards_are_not_created_without_collisions() {
        let numbers = Sharded::new(AtomicU64::default());
        for _ in 0..1_000 {
            numbers.add(|number| add(number, 1), AtomicU64::default);
        }
        assert_eq!((numbers.iter().count(), total(&numbers)), (1, 1_000));
    }

    #[test]
    fn shards_are_created_after_collisions_and_sum_up() {
        let numbers = Sharded::new(AtomicU64::default());
        let add_and_collide = |number: &AtomicU64| {
            add(number, 1);
            true
        };
        for _ in 0..1_000 {
            numbers.add(add_and_collide, AtomicU64::default);
        }
        let sets = if shard_count() > 1 { shard_count() + 1 } else { 1 };
        assert_eq!((numbers.iter().count(), total(&numbers)), (sets, 1_000));
    }

    #[test]
    fn shards_stay_at_the_maximum_rather_than_wrap() {
        let numbers = Sharded::new(AtomicU64::default());
        let add_and_collide = |number: &AtomicU64| {
            add(number, u64::MAX / 2 + 1);
            true
        };
        numbers.add(add_and_collide, AtomicU64::default);
        assert_eq!(total(&numbers), u64::MAX / 2 + 1);
        for _ in 0..1_000 {
            numbers.add(add_and_collide, AtomicU64::default);
            assert_eq!(total(&numbers), u64::MAX);
        }
    }

    #[test]
    fn shards_lose_no_addition_while_threads_collide() {
        let numbers = Sharded::new(AtomicU64::default());
        thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| {
                    for _ in 0..100_000 {
                        numbers.add(|number| add(number, 3), AtomicU64::default);
                    }
                });
            }
        });
        assert_eq!(total(&numbers), 1_200_000);
    }
}
