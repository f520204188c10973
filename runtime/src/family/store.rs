//! A family and its labelled series.
//!
//! Series are found by comparing whole label values, never their hash alone. This is the slow way to
//! a series: it is taken once, and the [`SeriesHandle`] it gives is kept by whoever records.

use std::array;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use prometheus::core::Desc;
use prometheus::proto::MetricType;

use super::histogram::{Batch, Histogram, nanos};
use super::primitives::{Counter, Gauge, MoneyCounter, Primitive};
use super::snapshot::{Constant, Labels, SeriesKey, SeriesSink};
use super::{Families, Limit, Limits, Values};

/// The value that stands for all values past a label's limit.
pub(crate) const OVERFLOW: &str = "other";

/// One family: a name, its labels, and one cell a combination of their values.
pub(crate) struct Family<C: Primitive, const L: usize> {
    desc: Desc,
    constant: Constant,
    labels: [&'static str; L],
    /// The label by which a user tells requests apart, in the families of requests.
    class_label: Option<Box<str>>,
    limits: [Option<Limit>; L],
    /// The values that may be shown, of the labels for which they are listed.
    allowed: [Option<Values>; L],
    most: usize,
    shape: C::Shape,
    series: Mutex<Series<C, L>>,
}

/// The values of a family's labels, and of the class.
type Key<const L: usize> = ([Arc<str>; L], Arc<str>);

struct Series<C, const L: usize> {
    cells: BTreeMap<Key<L>, Arc<C>>,
    /// The distinct values seen of each label that has a limit.
    seen: [BTreeSet<Arc<str>>; L],
}

impl<C: Primitive, const L: usize> Family<C, L> {
    pub(super) fn new(
        name: &str,
        desc: Desc,
        constant: Constant,
        labels: [&'static str; L],
        class_label: Option<Box<str>>,
        shape: C::Shape,
        limits: &Limits,
    ) -> Self {
        Self {
            desc,
            constant,
            labels,
            class_label,
            limits: labels.map(|label| limits.of(name, label)),
            allowed: labels.map(|label| limits.allowed.of(label).cloned()),
            most: limits.series,
            shape,
            series: Mutex::new(Series {
                cells: BTreeMap::new(),
                seen: [const { BTreeSet::new() }; L],
            }),
        }
    }

    /// The series with these label values; past a limit, the one with `other` in their place.
    pub(crate) fn series(&self, families: &Families, values: [&str; L]) -> SeriesHandle<C> {
        self.series_of(families, "", values)
    }

    /// The series of one class of requests.
    pub(crate) fn series_of(
        &self,
        families: &Families,
        class: &str,
        values: [&str; L],
    ) -> SeriesHandle<C> {
        let mut folded = Vec::new();
        if let Some(label) = self.class_label.as_deref().filter(|_| class == OVERFLOW) {
            folded.push(label);
        }
        let mut values = values;
        let cell = {
            let mut series = self.series.lock();
            for (place, value) in values.iter_mut().enumerate() {
                let admitted = match &self.allowed[place] {
                    Some(listed) => value.is_empty() || listed.contains(*value),
                    None => series.admits(place, value, self.limits[place], families),
                };
                if !admitted {
                    *value = OVERFLOW;
                    folded.push(self.labels[place]);
                }
            }
            let key = |values: [&str; L]| {
                (values.map(|value| families.texts.shared(value)), families.texts.shared(class))
            };
            if series.cells.len() >= self.most && !series.cells.contains_key(&key(values)) {
                for (place, value) in values.iter_mut().enumerate() {
                    let folds = self.limits[place].is_some() && !value.is_empty();
                    if folds && *value != OVERFLOW {
                        *value = OVERFLOW;
                        folded.push(self.labels[place]);
                    }
                }
            }
            match series.cells.entry(key(values)) {
                Entry::Occupied(entry) => Arc::clone(entry.get()),
                Entry::Vacant(entry) => Arc::clone(entry.insert(Arc::new(C::new(&self.shape)))),
            }
        };
        let counter =
            |label| families.metrics_overflow.series(families, [&self.desc.fq_name, label]).cell;
        let overflow: Box<[_]> = folded.into_iter().map(counter).collect();
        let overflow = (!overflow.is_empty()).then(|| Box::new(Overflow(overflow)));
        SeriesHandle { cell, overflow }
    }
}

impl<C, const L: usize> Series<C, L> {
    /// Whether a value may become a label value. An empty one says "not known" and always may.
    fn admits(
        &mut self,
        place: usize,
        value: &str,
        limit: Option<Limit>,
        families: &Families,
    ) -> bool {
        let Some(limit) = limit else { return true };
        if value.len() > limit.bytes {
            return false;
        }
        let seen = &mut self.seen[place];
        value.is_empty()
            || seen.contains(value)
            || (seen.len() < limit.values && seen.insert(families.texts.shared(value)))
    }
}

/// A family, whatever it is made of.
pub(crate) trait AnyFamily: Sync {
    fn desc(&self) -> &Desc;
    fn kind(&self) -> MetricType;
    /// Shows all series behind one until the visitor has enough, and tells which it was if there may be more.
    fn visit(&self, after: Option<SeriesKey>, visitor: &mut dyn SeriesSink) -> Option<SeriesKey>;
}

impl<C: Primitive, const L: usize> AnyFamily for Family<C, L> {
    fn desc(&self) -> &Desc {
        &self.desc
    }

    fn kind(&self) -> MetricType {
        C::KIND
    }

    fn visit(&self, after: Option<SeriesKey>, visitor: &mut dyn SeriesSink) -> Option<SeriesKey> {
        let after = after.map(|SeriesKey(key)| {
            let mut key = key.into_iter();
            let values = array::from_fn(|_| key.next().unwrap_or_default());
            (values, key.next().unwrap_or_default())
        });
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        let series = self.series.lock();
        let behind = series.cells.range((after, Bound::Unbounded));
        for ((values, class), cell) in behind.filter(|(_, cell)| cell.is_shown()) {
            let labels = Labels {
                constant: &self.constant,
                names: &self.labels,
                values,
                class: self.class_label.as_deref().map(|name| (name, &**class)),
            };
            cell.read(|reading| visitor.series(&labels, reading));
            if visitor.is_full() {
                return Some(SeriesKey(values.iter().chain([class]).cloned().collect()));
            }
        }
        None
    }
}

/// A resolved series: recording into it is a few atomic additions.
pub(crate) struct SeriesHandle<C> {
    cell: Arc<C>,
    /// The counters of the labels whose value did not fit; nearly every series has none.
    overflow: Option<Box<Overflow>>,
}

struct Overflow(Box<[Arc<Counter>]>);

impl<C> SeriesHandle<C> {
    fn record(&self) -> &C {
        if let Some(overflow) = &self.overflow {
            overflow.0.iter().for_each(|counter| counter.add(1));
        }
        &self.cell
    }
}

impl SeriesHandle<Counter> {
    pub(crate) fn add(&self, amount: u64) {
        self.record().add(amount);
    }
}

impl SeriesHandle<MoneyCounter> {
    /// Adds an amount in picodollars.
    pub(crate) fn add(&self, amount: f64) {
        self.record().add(amount);
    }
}

impl SeriesHandle<Gauge> {
    pub(crate) fn inc(&self) {
        self.record().inc();
    }

    pub(crate) fn dec(&self) {
        self.cell.dec();
    }

    pub(crate) fn show(&self) {
        self.cell.show();
    }
}

impl SeriesHandle<Histogram> {
    pub(crate) fn observe(&self, amount: u64) {
        self.record().observe(amount);
    }

    pub(crate) fn observe_duration(&self, duration: Duration) {
        self.observe(nanos(duration));
    }

    /// Takes a duration into a batch, which is to be given back to [`flush`](Self::flush).
    pub(crate) fn batch_duration(&self, batch: &mut Batch, duration: Duration) {
        self.record().batch(batch, nanos(duration));
    }

    pub(crate) fn flush(&self, batch: &mut Batch) {
        self.cell.add(mem::take(batch));
    }
}
