//! Numbers that several threads add to at once.
//!
//! Most series have one thread at a time, and are a few atomics. One that threads are seen to collide on gets
//! a set of them for each thread from then on, on cache lines of its own; whoever reads adds them up.

use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::Ordering::{Relaxed, Release};
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize};
use std::thread;

/// How many collisions a set of numbers takes before it is split: a rare one costs less than the memory.
const PATIENCE: u32 = 64;

/// The most sets that a series is split into, whatever the machine has.
const MOST_SHARDS: usize = 16;

/// A set of numbers, or several that add up to it.
pub(super) struct Sharded<T> {
    first: T,
    collisions: AtomicU32,
    more: OnceLock<Box<Shards<T>>>,
}

type Shards<T> = Box<[Padded<T>]>;

/// Something that shares no cache line with its neighbour: most processors fetch two of 64 bytes at once.
#[repr(align(128))]
struct Padded<T>(T);

impl<T> Sharded<T> {
    pub(super) fn new(first: T) -> Self {
        Self { first, collisions: AtomicU32::new(0), more: OnceLock::new() }
    }

    /// Lets `add` do its additions to this thread's numbers. It tells whether it collided with another thread;
    /// if that goes on, there are more numbers, which `make` makes.
    #[inline]
    pub(super) fn add(&self, add: impl FnOnce(&T) -> bool, make: impl Fn() -> T) {
        match self.more.get() {
            Some(shards) => {
                add(&shards[shard() & (shards.len() - 1)].0);
            }
            None if add(&self.first) => self.collided(make),
            None => {}
        }
    }

    #[cold]
    fn collided(&self, make: impl Fn() -> T) {
        if self.collisions.fetch_add(1, Relaxed) >= PATIENCE && shards() > 1 {
            self.more.get_or_init(|| Box::new((0..shards()).map(|_| Padded(make())).collect()));
        }
    }

    /// What all sets add up to.
    pub(super) fn sum(&self, number: impl Fn(&T) -> u64) -> u64 {
        self.each().map(number).fold(0, u64::wrapping_add)
    }

    fn each(&self) -> impl Iterator<Item = &T> {
        let more = self.more.get().into_iter().flat_map(|shards| shards.iter());
        std::iter::once(&self.first).chain(more.map(|shard| &shard.0))
    }
}

/// Adds to a number, and tells whether another thread did so at the same moment. Whoever reads the sum, and
/// acquires, finds what was added elsewhere before.
#[inline]
pub(super) fn add(number: &AtomicU64, amount: u64) -> bool {
    let seen = number.load(Relaxed);
    let sum = seen.wrapping_add(amount);
    let collided = number.compare_exchange(seen, sum, Release, Relaxed).is_err();
    if collided {
        number.fetch_add(amount, Release);
    }
    collided
}

/// How many sets there are of a series that is split: a power of two. Whoever makes an instance asks first: the
/// system is to be asked then, and not while something is recorded.
pub(super) fn shards() -> usize {
    static SHARDS: OnceLock<usize> = OnceLock::new();
    *SHARDS.get_or_init(|| {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        threads.next_power_of_two().min(MOST_SHARDS)
    })
}

/// This thread's number. Threads that start after one another, as a runtime's workers do, have sets of their own.
#[inline]
fn shard() -> usize {
    const UNKNOWN: usize = usize::MAX;
    thread_local! {
        static SHARD: Cell<usize> = const { Cell::new(UNKNOWN) };
    }
    #[cold]
    fn next() -> usize {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        NEXT.fetch_add(1, Relaxed)
    }
    SHARD.with(|shard| {
        if shard.get() == UNKNOWN {
            shard.set(next());
        }
        shard.get()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(numbers: &Sharded<AtomicU64>) -> u64 {
        numbers.sum(|number| number.load(Relaxed))
    }

    #[test]
    fn numbers_that_do_not_collide_stay_one() {
        let numbers = Sharded::new(AtomicU64::default());
        for _ in 0..1_000 {
            numbers.add(|number| add(number, 1), AtomicU64::default);
        }
        assert_eq!((numbers.each().count(), total(&numbers)), (1, 1_000));
    }

    #[test]
    fn numbers_that_go_on_colliding_are_split_and_still_add_up() {
        let numbers = Sharded::new(AtomicU64::default());
        let collides = |number: &AtomicU64| {
            add(number, 1);
            true
        };
        for _ in 0..1_000 {
            numbers.add(collides, AtomicU64::default);
        }
        let split = if shards() > 1 { shards() + 1 } else { 1 };
        assert_eq!((numbers.each().count(), total(&numbers)), (split, 1_000));
    }

    #[test]
    fn no_addition_is_lost_while_threads_collide() {
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
