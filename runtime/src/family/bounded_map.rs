//! Maps that only grow, have a maximum size, and are read without a lock.
//!
//! Entries live as long as the map, so that a reader walks a short list of cells that are each
//! written once. A writer that loses the race for a cell reads the winner's entry in the cell and
//! continues.

use std::sync::OnceLock;

use parking_lot::Mutex;

use super::limit::LabelLimit;

/// A map from names to values, with a maximum number of entries. All names beyond it share one
/// value.
pub(crate) struct BoundedMap<V> {
    /// Allocated with the first entry.
    buckets: OnceLock<Box<[Bucket<V>]>>,
    bucket_count: usize,
    /// The number of entries that still fit. Locked while an entry is inserted.
    free: Mutex<usize>,
    max_name_bytes: usize,
    /// The value of all names beyond the limit.
    beyond: OnceLock<Box<V>>,
}

/// The name for which a map makes the value of all names beyond its limit. A family replaces it by
/// `other`, and counts that as an overflow. A client that sends this text gets `other`,
/// too.
pub(crate) const BEYOND_LIMIT: &str = "\0other";

type Bucket<V> = AppendList<Box<str>, V>;

impl<V> BoundedMap<V> {
    /// Creates a map with `bucket_count` hash buckets.
    pub(crate) fn new(bucket_count: usize, limit: LabelLimit) -> Self {
        Self {
            buckets: OnceLock::new(),
            bucket_count: bucket_count.max(1),
            free: Mutex::new(limit.max_values),
            max_name_bytes: limit.max_bytes,
            beyond: OnceLock::new(),
        }
    }

    /// Returns the value of `name`. If there is none, it is created, and `make` gets the name.
    ///
    /// If the map is full, or the name is too long, all such names share one value, for which
    /// `make` gets [`BEYOND_LIMIT`], so that names which a client makes up cannot fill the memory.
    #[inline]
    pub(crate) fn get_or_insert_with(&self, name: &str, make: impl Fn(&str) -> V) -> &V {
        self.find(name).unwrap_or_else(|| self.insert_or_share(name, &make))
    }

    /// Returns the value of `name`, which is inserted also if the map is full. The caller must
    /// bound the number of such names.
    pub(crate) fn get_or_insert_unbounded(&self, name: &str, make: impl Fn(&str) -> V) -> &V {
        self.find(name).unwrap_or_else(|| self.insert(name, &make))
    }

    #[inline]
    fn find(&self, name: &str) -> Option<&V> {
        let buckets = self.buckets.get()?;
        buckets[bucket_index(name.as_bytes(), self.bucket_count)].find(|key| **key == *name)
    }

    #[cold]
    fn insert_or_share(&self, name: &str, make: &impl Fn(&str) -> V) -> &V {
        if name.len() <= self.max_name_bytes && name != BEYOND_LIMIT {
            let mut free = self.free.lock();
            // Another thread may have inserted the name before this one got the lock.
            if let Some(known) = self.find(name) {
                return known;
            }
            if let Some(left) = free.checked_sub(1) {
                *free = left;
                return self.insert(name, make);
            }
        }
        self.beyond.get_or_init(|| Box::new(make(BEYOND_LIMIT)))
    }

    /// Inserts a value, unless another thread has done so.
    fn insert(&self, name: &str, make: &impl Fn(&str) -> V) -> &V {
        let new_buckets = || (0..self.bucket_count).map(|_| AppendList::new()).collect();
        let buckets = self.buckets.get_or_init(new_buckets);
        buckets[bucket_index(name.as_bytes(), self.bucket_count)]
            .find_or_append(|key| **key == *name, || (name.into(), make(name)))
    }
}

/// Returns the hash bucket of a name.
///
/// The hash does not resist names that are made to collide. It need not: a map has few entries, and
/// so has a bucket.
pub(super) fn bucket_index(name: &[u8], bucket_count: usize) -> usize {
    // The digits of the golden ratio: an odd number without a pattern.
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, word: u64| (hash.rotate_left(5) ^ word).wrapping_mul(FACTOR);
    let words = name.chunks_exact(8);
    let rest = words.remainder();
    let word = |chunk: &[u8]| chunk.try_into().map_or(0, u64::from_le_bytes);
    let hash = words.fold(0, |hash, chunk| mix(hash, word(chunk)));
    let hash = match name.last_chunk() {
        // Hashing some bytes twice is faster than hashing the rest byte by byte.
        Some(last) => mix(hash, u64::from_le_bytes(*last)),
        None => rest.iter().fold(hash, |hash, byte| mix(hash, u64::from(*byte))),
    };
    // Only the uppermost bits of the hash depend on all bits of the last word.
    #[expect(clippy::cast_possible_truncation, reason = "the result is below `bucket_count`")]
    let index = ((u128::from(hash) * bucket_count as u128) >> 64) as usize;
    index
}

/// A linked list to which entries are only appended. Each cell is written once.
pub(crate) struct AppendList<K, V>(OnceLock<Box<Node<K, V>>>);

/// The key lies beside the first fields of the value, on the same cache line if it is short.
#[repr(C)]
struct Node<K, V> {
    key: K,
    value: V,
    next: AppendList<K, V>,
}

impl<K, V> AppendList<K, V> {
    pub(crate) const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// Returns the value of the first key that `matches` accepts.
    pub(crate) fn find(&self, matches: impl Fn(&K) -> bool) -> Option<&V> {
        let mut node = self.0.get()?;
        while !matches(&node.key) {
            node = node.next.0.get()?;
        }
        Some(&node.value)
    }

    /// Returns the value of the first key that `matches` accepts. If there is none, appends the
    /// entry that `make` returns.
    pub(crate) fn find_or_append(
        &self,
        matches: impl Fn(&K) -> bool,
        make: impl Fn() -> (K, V),
    ) -> &V {
        let mut list = self;
        loop {
            let node = list.0.get_or_init(|| {
                let (key, value) = make();
                Box::new(Node { key, value, next: Self::new() })
            });
            if matches(&node.key) {
                return &node.value;
            }
            list = &node.next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: LabelLimit = LabelLimit { max_values: 1_000, max_bytes: 10 };

    #[test]
    fn bounded_map_does_not_keep_a_name_that_is_too_long() {
        let map = BoundedMap::new(1, LIMIT);
        assert_eq!(*map.get_or_insert_with("a name too long", str::to_owned), BEYOND_LIMIT);
    }

    #[test]
    fn bounded_map_keeps_names_in_one_bucket_apart() {
        let map = BoundedMap::new(1, LIMIT);
        for (number, name) in ["a", "b", "ab", ""].into_iter().enumerate() {
            assert_eq!(*map.get_or_insert_with(name, |_| number), number);
        }
        assert_eq!(*map.get_or_insert_with("ab", |_| 99), 2);
    }

    #[test]
    fn bounded_map_spreads_names_that_differ_in_their_last_letters() {
        for (prefix, bucket_count) in
            [("/endpoint/", 256), ("/r", 256), ("ft:small-1:org::", 8), ("m", 8)]
        {
            let mut lengths = vec![0; bucket_count];
            (0..1_000).for_each(|n| {
                lengths[bucket_index(format!("{prefix}{n:03}").as_bytes(), bucket_count)] += 1;
            });
            let longest = lengths.into_iter().max().unwrap_or_default();
            assert!(
                longest < 1_000 / bucket_count * 2 + 10,
                "{prefix}: {longest} in one of {bucket_count}"
            );
        }
        assert_eq!(bucket_index(b"any", 1), 0);
    }

    #[test]
    fn bounded_map_has_one_value_for_all_names_beyond_its_limit() {
        let map = BoundedMap::new(4, LabelLimit { max_values: 1, ..LIMIT });
        let get = |name| map.get_or_insert_with(name, str::to_owned);
        assert_eq!(*get("first"), "first");
        assert_eq!(*get("second"), BEYOND_LIMIT);
        assert!(std::ptr::eq(get("second"), get("third")));
        assert!(std::ptr::eq(get("second"), get("a name too long")));
        assert_eq!(*get("first"), "first");
        assert_eq!(*map.get_or_insert_unbounded("fourth", str::to_owned), "fourth");
        assert_eq!(*get("fourth"), "fourth");
    }

    #[test]
    fn bounded_map_gives_one_value_to_threads_that_race_for_a_name() {
        let map = BoundedMap::new(1, LIMIT);
        let values: Vec<Vec<usize>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|thread| {
                    let map = &map;
                    scope.spawn(move || {
                        (0..100)
                            .map(|n| *map.get_or_insert_with(&n.to_string(), |_| thread))
                            .collect()
                    })
                })
                .collect();
            threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
        });
        assert_eq!(values.len(), 4);
        assert!(values.iter().all(|seen| *seen == values[0]));
    }
}
