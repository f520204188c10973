//! A family and its series.
//!
//! [`Family::series`] compares whole label values, never their hash alone, and takes a lock. It is
//! called once per series: the caller keeps the returned [`SeriesHandle`] and records through it.

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
use super::options::{FamilyOptions, LabelLimit, OVERFLOW, ValueSet};
use super::primitives::{Counter, Gauge, Level, MoneyCounter, Primitive};
use super::snapshot::{ConstLabels, SeriesKey, SeriesLabels, SeriesSink};

/// A family: a name, labels, and one primitive for each combination of label values. The primitive
/// `P` is the counter, gauge or histogram of one series.
pub(crate) struct Family<P: Primitive, const L: usize> {
    desc: Desc,
    const_labels: ConstLabels,
    labels: [&'static str; L],
    /// The name of the label that the user takes from a header or an extension of each request.
    /// Families of requests have it.
    request_label: Option<Box<str>>,
    limits: [Option<LabelLimit>; L],
    /// The allowed values of each label for which they are listed.
    allowed: [Option<ValueSet>; L],
    max_series: usize,
    settings: P::Settings,
    series: Mutex<SeriesMap<P, L>>,
    shared: SharedStorage,
}

/// The storage that all families of one instance share.
#[derive(Clone, Default)]
pub(super) struct SharedStorage {
    interner: Arc<Interner>,
    /// The family that counts the overflow of the others. `None` in that family itself, whose
    /// labels have no limit.
    overflow: Option<Arc<Family<Counter, 2>>>,
}

impl SharedStorage {
    /// Sets the family that counts the overflow. Its labels are the name of a family and the name
    /// of a label in that family.
    pub(super) fn set_overflow(&mut self, family: &Arc<Family<Counter, 2>>) {
        self.overflow = Some(Arc::clone(family));
    }
}

/// Keeps one copy of each label value. The same `endpoint` value occurs in about twenty series.
#[derive(Default)]
struct Interner(Mutex<BTreeSet<Arc<str>>>);

impl Interner {
    /// Returns the copy of a text, which is created if there is none.
    fn intern(&self, text: &str) -> Arc<str> {
        let mut texts = self.0.lock();
        if let Some(known) = texts.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        texts.insert(Arc::clone(&new));
        new
    }
}

/// The values of a family's labels, and the value of the request label.
#[derive(Clone, Copy)]
pub(crate) struct LabelValues<'a, const L: usize> {
    pub(crate) values: [&'a str; L],
    /// Empty in families without a request label.
    pub(crate) request_label: &'a str,
}

impl<'a, const L: usize> From<[&'a str; L]> for LabelValues<'a, L> {
    fn from(values: [&'a str; L]) -> Self {
        Self { values, request_label: "" }
    }
}

/// The values of a family's labels, and the value of the request label, interned.
type Key<const L: usize> = ([Arc<str>; L], Arc<str>);

struct SeriesMap<P, const L: usize> {
    primitives: BTreeMap<Key<L>, Arc<P>>,
    /// The distinct values of each label that has a limit.
    seen: [BTreeSet<Arc<str>>; L],
}

impl<P: Primitive, const L: usize> Family<P, L> {
    pub(super) fn new(
        name: &str,
        help: &str,
        labels: [&'static str; L],
        settings: P::Settings,
        options: &FamilyOptions,
        shared: &SharedStorage,
    ) -> prometheus::Result<Self> {
        let limits = &options.limits;
        Ok(Self {
            desc: options.desc(name, help, &labels)?,
            const_labels: options.const_labels.clone(),
            labels,
            request_label: options.request_label_for(&labels),
            limits: labels.map(|label| limits.for_label(name, label)),
            allowed: labels.map(|label| limits.allowed.get(label).cloned()),
            max_series: limits.max_series,
            settings,
            series: Mutex::new(SeriesMap {
                primitives: BTreeMap::new(),
                seen: [const { BTreeSet::new() }; L],
            }),
            shared: shared.clone(),
        })
    }

    /// Returns the series with these label values, which is created if it does not exist.
    ///
    /// A value that is not allowed or beyond the limit of its label becomes `other`. In a new
    /// series of a family that has its maximum of series, all limited values become `other`. Each
    /// call that records through the returned handle then also adds one to
    /// `metrics_overflow_total`.
    pub(crate) fn series<'a>(&self, values: impl Into<LabelValues<'a, L>>) -> SeriesHandle<P> {
        self.get_or_create(values.into())
    }

    /// Replaces values beyond a limit by `other`, and looks the series up.
    fn get_or_create(&self, values: LabelValues<'_, L>) -> SeriesHandle<P> {
        let LabelValues { mut values, request_label } = values;
        let mut replaced = Vec::new();
        if let Some(label) = self.request_label.as_deref().filter(|_| request_label == OVERFLOW) {
            replaced.push(label);
        }
        let interner = &self.shared.interner;
        let primitive = {
            let mut series = self.series.lock();
            for (index, value) in values.iter_mut().enumerate() {
                let admitted = match &self.allowed[index] {
                    Some(allowed) => value.is_empty() || allowed.contains(*value),
                    None => series.admits(index, value, self.limits[index], interner),
                };
                if !admitted {
                    *value = OVERFLOW;
                    replaced.push(self.labels[index]);
                }
            }
            let key = |values: [&str; L]| {
                (values.map(|value| interner.intern(value)), interner.intern(request_label))
            };
            let is_full = series.primitives.len() >= self.max_series;
            if is_full && !series.primitives.contains_key(&key(values)) {
                for (index, value) in values.iter_mut().enumerate() {
                    let is_limited = self.limits[index].is_some() && !value.is_empty();
                    if is_limited && *value != OVERFLOW {
                        *value = OVERFLOW;
                        replaced.push(self.labels[index]);
                    }
                }
            }
            match series.primitives.entry(key(values)) {
                Entry::Occupied(entry) => Arc::clone(entry.get()),
                Entry::Vacant(entry) => Arc::clone(entry.insert(Arc::new(P::new(&self.settings)))),
            }
        };
        SeriesHandle { primitive, overflow: self.overflow_counters(&replaced) }
    }

    /// Returns the counters of the labels whose values were replaced, or `None` if no value was.
    fn overflow_counters(&self, labels: &[&str]) -> Option<Box<OverflowCounters>> {
        let family = self.shared.overflow.as_ref().filter(|_| !labels.is_empty())?;
        let counter = |label: &&str| family.series([&*self.desc.fq_name, *label]).primitive;
        Some(Box::new(OverflowCounters(labels.iter().map(counter).collect())))
    }
}

impl<P, const L: usize> SeriesMap<P, L> {
    /// Returns whether the limit of a label admits a value. The empty value, "not known", is always
    /// admitted.
    fn admits(
        &mut self,
        index: usize,
        value: &str,
        limit: Option<LabelLimit>,
        interner: &Interner,
    ) -> bool {
        let Some(limit) = limit else { return true };
        if value.len() > limit.max_bytes {
            return false;
        }
        let seen = &mut self.seen[index];
        value.is_empty()
            || seen.contains(value)
            || (seen.len() < limit.max_values && seen.insert(interner.intern(value)))
    }
}

/// A family of any type and with any number of labels, as an encoder sees it.
pub(crate) trait AnyFamily: Sync {
    fn desc(&self) -> &Desc;

    fn metric_type(&self) -> MetricType;

    /// Passes the series after the key `after` to `sink`, in the order of their labels, until the
    /// sink is full. Returns the key of the last series if there may be more.
    fn write_series(
        &self,
        after: Option<SeriesKey>,
        sink: &mut dyn SeriesSink,
    ) -> Option<SeriesKey>;
}

impl<P: Primitive, const L: usize> AnyFamily for Family<P, L> {
    fn desc(&self) -> &Desc {
        &self.desc
    }

    fn metric_type(&self) -> MetricType {
        P::METRIC_TYPE
    }

    fn write_series(
        &self,
        after: Option<SeriesKey>,
        sink: &mut dyn SeriesSink,
    ) -> Option<SeriesKey> {
        let after = after.map(|SeriesKey(key)| {
            let mut key = key.into_iter();
            let values = array::from_fn(|_| key.next().unwrap_or_default());
            (values, key.next().unwrap_or_default())
        });
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        let series = self.series.lock();
        let rest = series.primitives.range((after, Bound::Unbounded));
        for ((values, request_label), primitive) in rest.filter(|(_, series)| series.is_shown()) {
            let labels = SeriesLabels {
                const_labels: &self.const_labels,
                names: &self.labels,
                values,
                request_label: self.request_label.as_deref().map(|name| (name, &**request_label)),
            };
            primitive.read(|value| sink.series(&labels, value));
            if sink.is_full() {
                return Some(SeriesKey(values.iter().chain([request_label]).cloned().collect()));
            }
        }
        None
    }
}

/// A handle to one series. Recording through it is a few atomic additions.
pub(crate) struct SeriesHandle<P> {
    primitive: Arc<P>,
    /// `None` for nearly all series: no label value was replaced.
    overflow: Option<Box<OverflowCounters>>,
}

/// The counters in `metrics_overflow_total` for the labels of a series whose values were replaced.
struct OverflowCounters(Box<[Arc<Counter>]>);

impl<P> SeriesHandle<P> {
    /// Returns the primitive of the series, for one observation.
    fn count_overflow_and_get(&self) -> &P {
        if let Some(overflow) = &self.overflow {
            overflow.0.iter().for_each(|counter| counter.add(1));
        }
        &self.primitive
    }
}

impl SeriesHandle<Counter> {
    pub(crate) fn add(&self, amount: u64) {
        self.count_overflow_and_get().add(amount);
    }
}

impl SeriesHandle<MoneyCounter> {
    /// Adds an amount in picodollars.
    pub(crate) fn add(&self, amount: f64) {
        self.count_overflow_and_get().add(amount);
    }
}

impl SeriesHandle<Gauge> {
    pub(crate) fn inc(&self) {
        self.count_overflow_and_get().inc();
    }

    pub(crate) fn dec(&self) {
        self.primitive.dec();
    }

    /// Shows the gauge from now on, also while it is zero.
    pub(crate) fn show(&self) {
        self.primitive.show();
    }
}

impl SeriesHandle<Level> {
    pub(crate) fn set(&self, value: u64) {
        self.count_overflow_and_get().set(value);
    }
}

impl SeriesHandle<Histogram> {
    pub(crate) fn observe(&self, amount: u64) {
        self.count_overflow_and_get().observe(amount);
    }

    pub(crate) fn observe_duration(&self, duration: Duration) {
        self.observe(nanos(duration));
    }

    /// Adds a duration to a batch. [`flush`](Self::flush) records the rest of the batch.
    pub(crate) fn batch_duration(&self, batch: &mut Batch, duration: Duration) {
        self.count_overflow_and_get().observe_in_batch(batch, nanos(duration));
    }

    /// Records a batch and empties it.
    pub(crate) fn flush(&self, batch: &mut Batch) {
        self.primitive.add_batch(mem::take(batch));
    }
}
