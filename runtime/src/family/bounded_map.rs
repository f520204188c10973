//! A map that only grows, is bounded, and is read without a lock.
//!
//! Its entries live as long as the map, so a reader walks a short chain of cells that are written
//! once; a writer that loses the race for a cell finds the winner's entry in it and goes on.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use super::Limit;

/// Values by name.
pub(crate) struct BoundedMap<V> {
    chains: OnceLock<Box<[ByName<V>]>>,
    /// How many of them there are, once a name is looked up.
    spread: usize,
    room: AtomicUsize,
    longest: usize,
}

type ByName<V> = AppendList<Box<str>, Arc<V>>;

impl<V> BoundedMap<V> {
    /// A table that keeps what `limit` allows, spread over so many chains.
    pub(crate) fn new(chains: usize, limit: Limit) -> Self {
        Self {
            chains: OnceLock::new(),
            spread: chains.max(1),
            room: AtomicUsize::new(limit.values),
            longest: limit.bytes,
        }
    }

    /// The value of `name`, made on first sight.
    ///
    /// Once the table is full, and for a name that is too long, the value is made for the caller alone and not kept, so that
    /// names which a client invents cannot fill the memory.
    pub(crate) fn get_or_make(&self, name: &str, make: impl FnOnce() -> V) -> Arc<V> {
        if name.len() > self.longest {
            return Arc::new(make());
        }
        let chains =
            self.chains.get_or_init(|| (0..self.spread).map(|_| AppendList::new()).collect());
        let chain = &chains[place(name, self.spread)];
        if let Some(value) = chain.find(|key| **key == *name) {
            return Arc::clone(value);
        }
        let value = Arc::new(make());
        if self.room.fetch_update(Relaxed, Relaxed, |room| room.checked_sub(1)).is_err() {
            return value;
        }
        let kept = chain.insert(|key| **key == *name, || (name.into(), Arc::clone(&value)));
        if !Arc::ptr_eq(kept, &value) {
            self.room.fetch_add(1, Relaxed);
        }
        Arc::clone(kept)
    }
}

/// The chain of a name. It need not withstand names that are made to collide: a table is bounded, and so is a
/// chain.
fn place(name: &str, chains: usize) -> usize {
    // The golden ratio's digits: odd, and without a pattern.
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, word: u64| (hash.rotate_left(5) ^ word).wrapping_mul(FACTOR);
    let name = name.as_bytes();
    let words = name.chunks_exact(8);
    let rest = words.remainder();
    let word = |chunk: &[u8]| chunk.try_into().map_or(0, u64::from_le_bytes);
    let hash = words.fold(0, |hash, chunk| mix(hash, word(chunk)));
    let hash = match name.last_chunk() {
        // Some of its bytes for the second time, which is quicker than each of the rest by itself.
        Some(last) => mix(hash, u64::from_le_bytes(*last)),
        None => rest.iter().fold(hash, |hash, byte| mix(hash, u64::from(*byte))),
    };
    // The uppermost bits: only they depend on all bits of the last word.
    #[expect(clippy::cast_possible_truncation, reason = "it is less than the number of chains")]
    let place = ((u128::from(hash) * chains as u128) >> 64) as usize;
    place
}

/// A list that only grows: cells written once, each with a place for the next.
pub(crate) struct AppendList<K, V>(OnceLock<Box<Link<K, V>>>);

struct Link<K, V> {
    key: K,
    value: V,
    next: AppendList<K, V>,
}

impl<K, V> AppendList<K, V> {
    pub(crate) const fn new() -> Self {
        Self(OnceLock::new())
    }

    pub(crate) fn find(&self, is_it: impl Fn(&K) -> bool) -> Option<&V> {
        let mut link = self.0.get()?;
        while !is_it(&link.key) {
            link = link.next.0.get()?;
        }
        Some(&link.value)
    }

    /// The value whose key `is_it` accepts, else a new one at the end.
    pub(crate) fn insert(&self, is_it: impl Fn(&K) -> bool, make: impl Fn() -> (K, V)) -> &V {
        let mut chain = self;
        loop {
            let link = chain.0.get_or_init(|| {
                let (key, value) = make();
                Box::new(Link { key, value, next: Self::new() })
            });
            if is_it(&link.key) {
                return &link.value;
            }
            chain = &link.next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Limit = Limit { values: 1_000, bytes: 10 };

    #[test]
    fn a_name_that_is_too_long_is_not_kept() {
        let table = BoundedMap::new(1, LIMIT);
        assert_eq!(*table.get_or_make("a name too long", || 1), 1);
        assert_eq!(*table.get_or_make("a name too long", || 2), 2);
    }

    #[test]
    fn names_that_share_a_chain_stay_apart() {
        let table = BoundedMap::new(1, LIMIT);
        for (number, name) in ["a", "b", "ab", ""].into_iter().enumerate() {
            assert_eq!(*table.get_or_make(name, || number), number);
        }
        assert_eq!(*table.get_or_make("ab", || 99), 2);
    }

    #[test]
    fn names_that_differ_in_their_last_letters_are_spread() {
        for (names, chains) in [("/endpoint/", 256), ("/r", 256), ("ft:small-1:org::", 8), ("m", 8)]
        {
            let mut lengths = vec![0; chains];
            (0..1_000).for_each(|n| lengths[place(&format!("{names}{n:03}"), chains)] += 1);
            let longest = lengths.into_iter().max().unwrap_or_default();
            assert!(longest < 1_000 / chains * 2 + 10, "{names}: {longest} in one of {chains}");
        }
        assert_eq!(place("any", 1), 0);
    }

    #[test]
    fn a_full_table_keeps_nothing_more() {
        let table = BoundedMap::new(4, Limit { values: 1, ..LIMIT });
        assert_eq!(*table.get_or_make("first", || 1), 1);
        assert_eq!(*table.get_or_make("second", || 2), 2);
        assert_eq!(*table.get_or_make("second", || 3), 3);
        assert_eq!(*table.get_or_make("first", || 4), 1);
    }

    #[test]
    fn threads_that_race_for_a_name_get_one_value() {
        let table = BoundedMap::new(1, LIMIT);
        let values: Vec<Vec<usize>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|thread| {
                    let table = &table;
                    scope.spawn(move || {
                        (0..100).map(|n| *table.get_or_make(&n.to_string(), || thread)).collect()
                    })
                })
                .collect();
            threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
        });
        assert_eq!(values.len(), 4);
        assert!(values.iter().all(|seen| *seen == values[0]));
    }
}
