//! The request labels of an instance: labels whose values users define for each request.
//!
//! The values of a label are numbered in the order in which they become known, so that a request
//! carries four small numbers, and finding a known value neither locks nor allocates.

use std::str;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use super::bounded_map::{AppendList, bucket_index};
use super::limit::{LabelLimit, OVERFLOW};

/// The number of request labels that an instance may have.
pub(crate) const MAX_REQUEST_LABELS: usize = 4;

/// The largest number of hash buckets in which the values of one label are found.
const MAX_BUCKETS: usize = 1024;

/// The request labels of an instance, in the order of their declaration.
#[derive(Default)]
pub(crate) struct RequestLabels(Box<[RequestLabelState]>);

/// A request label: its name and the values that are known.
struct RequestLabelState {
    name: Box<str>,
    values: KnownValues,
}

/// The bound on the values of a request label.
#[derive(Clone, Debug)]
pub(crate) enum RequestLabelBound {
    /// Only these values are exported.
    Values(Vec<String>),
    /// The first values that are seen are exported, up to this number.
    AtMost(usize),
}

/// The values of the request labels of one request, in the order of the labels' declaration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RequestLabelValues([ValueIndex; MAX_REQUEST_LABELS]);

/// The index of a value of one request label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ValueIndex(u16);

impl ValueIndex {
    /// The empty value: the request does not carry the label, or no label is declared.
    const EMPTY: Self = Self(0);
    /// The value `other`.
    const OTHER: Self = Self(1);
    /// The index of the first value of [`KnownValues`].
    const FIRST: u16 = 2;

    /// Returns `other` for any value that is not empty.
    fn overflowed(self) -> Self {
        if self == Self::EMPTY { self } else { Self::OTHER }
    }
}

impl RequestLabelValues {
    /// Returns the same values with a new value of the label at `index`.
    pub(crate) fn set(mut self, index: usize, value: ValueIndex) -> Self {
        if let Some(own) = self.0.get_mut(index) {
            *own = value;
        }
        self
    }

    /// Returns these values with `other` in place of every value that is not empty.
    pub(crate) fn overflowed(self) -> Self {
        Self(self.0.map(ValueIndex::overflowed))
    }

    /// Returns the hash bucket of these values.
    pub(crate) fn bucket(self, bucket_count: usize) -> usize {
        let mut bytes = [0; 2 * MAX_REQUEST_LABELS];
        for (bytes, value) in bytes.chunks_exact_mut(2).zip(self.0) {
            bytes.copy_from_slice(&value.0.to_le_bytes());
        }
        bucket_index(&bytes, bucket_count)
    }
}

impl RequestLabels {
    /// Creates the labels from their names and bounds. Values have at most `max_bytes` bytes.
    pub(crate) fn new<'a>(
        labels: impl IntoIterator<Item = (&'a str, &'a RequestLabelBound)>,
        max_bytes: usize,
    ) -> Self {
        let new = |(name, bound): (&str, _)| RequestLabelState {
            name: name.into(),
            values: KnownValues::new(bound, max_bytes),
        };
        Self(labels.into_iter().map(new).collect())
    }

    /// Returns the index of the label with this name.
    pub(crate) fn index_of(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|label| *label.name == *name)
    }

    /// Returns the names of the labels.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|label| &*label.name)
    }

    /// Returns the value that the label at `index` has for the bytes that a request carries.
    pub(crate) fn find(&self, index: usize, bytes: &[u8]) -> ValueIndex {
        self.0.get(index).map_or(ValueIndex::EMPTY, |label| label.values.find(bytes))
    }

    /// Returns these values if there are labels, else no values.
    pub(super) fn declared(&self, values: RequestLabelValues) -> RequestLabelValues {
        if self.0.is_empty() { RequestLabelValues::default() } else { values }
    }

    /// Iterates over the names of the labels and these values of them.
    pub(super) fn pairs(&self, values: RequestLabelValues) -> impl Iterator<Item = (&str, &str)> {
        let labels = self.0.iter().zip(values.0);
        labels.map(|(label, value)| (&*label.name, label.values.text(value)))
    }

    /// Iterates over the names of the labels whose value is `other`.
    pub(super) fn overflowed_names(
        &self,
        values: RequestLabelValues,
    ) -> impl Iterator<Item = &str> {
        let labels = self.0.iter().zip(values.0);
        let overflowed = labels.filter(|(_, value)| *value == ValueIndex::OTHER);
        overflowed.map(|(label, _)| &*label.name)
    }
}

/// The values of one label: listed ones, or those that were seen first.
struct KnownValues {
    /// The index of each text, by the hash of the text.
    buckets: Box<[AppendList<Arc<str>, ValueIndex>]>,
    /// The texts in the order of their index. All slots are set once the bound is reached.
    texts: Box<[OnceLock<Arc<str>>]>,
    /// The number of texts. Locked while a text is added.
    len: Mutex<usize>,
    max_bytes: usize,
}

impl KnownValues {
    fn new(bound: &RequestLabelBound, max_bytes: usize) -> Self {
        let mut listed: Vec<&str> = match bound {
            RequestLabelBound::Values(values) => values.iter().map(String::as_str).collect(),
            RequestLabelBound::AtMost(_) => Vec::new(),
        };
        listed.sort_unstable();
        listed.dedup();
        let max_values = match bound {
            RequestLabelBound::Values(_) => listed.len(),
            RequestLabelBound::AtMost(max_values) => *max_values,
        };
        let known = Self::with_limit(LabelLimit { max_values, max_bytes });
        for text in listed {
            known.find(text.as_bytes());
        }
        known
    }

    fn with_limit(LabelLimit { max_values, max_bytes }: LabelLimit) -> Self {
        // A `u16` numbers the values, the empty value and `other`.
        let max_values = max_values.min(usize::from(u16::MAX - ValueIndex::FIRST));
        let bucket_count = max_values.clamp(1, MAX_BUCKETS);
        Self {
            buckets: (0..bucket_count).map(|_| AppendList::new()).collect(),
            texts: (0..max_values).map(|_| OnceLock::new()).collect(),
            len: Mutex::new(0),
            max_bytes,
        }
    }

    fn find(&self, bytes: &[u8]) -> ValueIndex {
        if bytes.is_empty() {
            return ValueIndex::EMPTY;
        }
        // Also bounds the time that a client can spend on the hash.
        if bytes.len() > self.max_bytes {
            return ValueIndex::OTHER;
        }
        let bucket = &self.buckets[bucket_index(bytes, self.buckets.len())];
        match bucket.find(|text| text.as_bytes() == bytes) {
            Some(index) => *index,
            None => self.find_or_add(bucket, bytes),
        }
    }

    #[cold]
    fn find_or_add(&self, bucket: &AppendList<Arc<str>, ValueIndex>, bytes: &[u8]) -> ValueIndex {
        let is_full = self.texts.last().is_none_or(|last| last.get().is_some());
        let text = str::from_utf8(bytes).ok().filter(|text| !is_full && *text != OVERFLOW);
        let Some(text) = text else { return ValueIndex::OTHER };
        let mut len = self.len.lock();
        if let Some(index) = bucket.find(|known| **known == *text) {
            return *index;
        }
        let (Some(slot), Ok(number)) = (self.texts.get(*len), u16::try_from(*len)) else {
            return ValueIndex::OTHER;
        };
        let text = slot.get_or_init(|| text.into());
        *len += 1;
        let index = ValueIndex(number + ValueIndex::FIRST);
        *bucket.find_or_append(|known| *known == *text, || (Arc::clone(text), index))
    }

    /// Returns a value as text.
    fn text(&self, value: ValueIndex) -> &str {
        match value.0.checked_sub(ValueIndex::FIRST) {
            None if value == ValueIndex::EMPTY => "",
            None => OVERFLOW,
            Some(number) => {
                self.texts.get(usize::from(number)).and_then(OnceLock::get).map_or("", |text| text)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_most(max_values: usize) -> KnownValues {
        KnownValues::new(&RequestLabelBound::AtMost(max_values), 128)
    }

    fn shown<'a>(known: &'a KnownValues, text: &str) -> &'a str {
        known.text(known.find(text.as_bytes()))
    }

    #[test]
    fn request_label_values_that_are_listed_are_found_and_others_are_not() {
        let bound = ["paid", "free", "paid"].map(str::to_owned).to_vec();
        let known = KnownValues::new(&RequestLabelBound::Values(bound), 128);
        for (text, expected) in
            [("free", "free"), ("paid", "paid"), ("gold", "other"), ("Free", "other"), ("", "")]
        {
            assert_eq!(shown(&known, text), expected);
        }
        assert_eq!(known.find(b"\xff"), ValueIndex::OTHER);
    }

    #[test]
    fn request_label_keeps_the_first_values_that_it_sees() {
        let known = at_most(2);
        for (text, expected) in
            [("a", "a"), ("other", "other"), ("b", "b"), ("c", "other"), ("a", "a"), ("", "")]
        {
            assert_eq!(shown(&known, text), expected);
        }
    }

    #[test]
    fn request_label_does_not_spend_its_bound_on_invalid_values() {
        let known = at_most(1);
        let long = "x".repeat(129);
        for invalid in [long.as_bytes(), b"\xff\xfe", b"other", b""] {
            known.find(invalid);
        }
        assert_eq!(shown(&known, &"x".repeat(128)), "x".repeat(128));
    }

    #[test]
    fn request_label_keeps_no_more_values_than_its_bound() {
        let known = at_most(50);
        for number in 0..10_000 {
            shown(&known, &number.to_string());
        }
        assert_eq!(*known.len.lock(), 50);
        assert_eq!((shown(&known, "49"), shown(&known, "50")), ("49", "other"));
    }

    #[test]
    fn request_label_gives_one_index_to_threads_that_race_for_a_value() {
        let known = at_most(64);
        let indexes: Vec<Vec<ValueIndex>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| (0..100_u8).map(|value| known.find(&[value])).collect()))
                .collect();
            threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
        });
        assert_eq!(indexes.len(), 4);
        assert!(indexes.iter().all(|found| found[..64] == indexes[0][..64]));
    }

    #[test]
    fn request_label_values_become_other_unless_they_are_empty() {
        let values = RequestLabelValues::default().set(1, ValueIndex(7)).set(9, ValueIndex(7));
        let expected = RequestLabelValues::default().set(1, ValueIndex::OTHER);
        assert_eq!(values.overflowed(), expected);
    }
}
