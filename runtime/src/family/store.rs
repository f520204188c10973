//! A family and its series.
//!
//! [`Family::series`] compares whole label values, never their hash alone, and takes a lock. It is
//! called once per series: the caller keeps the returned [`SeriesHandle`] and records through it.
//!
//! Handles and label values are never freed, so that requests reach them without a reference count.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use parking_lot::Mutex;
use prometheus::core::Desc;
use prometheus::proto::MetricType;

use super::bounded_map::BEYOND_LIMIT;
use super::handle::{OverflowCounters, SeriesHandle};
#[cfg(feature = "live")]
use super::histogram::Histogram;
use super::limit::{LabelLimit, OVERFLOW};
use super::options::{FamilyOptions, ValueSet};
use super::primitives::{Counter, Primitive};
use super::request_labels::{RequestLabelValues, RequestLabels};
use super::snapshot::{ConstLabels, LabelText, SeriesKey, SeriesLabels, SeriesSink};

/// A family: a name, labels, and one primitive for each combination of label values. The primitive
/// `P` is the counter, gauge or histogram of one series.
pub(crate) struct Family<P: Primitive, const L: usize> {
    desc: Desc,
    const_labels: ConstLabels,
    labels: [&'static str; L],
    /// The request labels of the instance, if the family has them, else none.
    request_labels: Arc<RequestLabels>,
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
struct Interner(Mutex<BTreeSet<LabelText>>);

impl Interner {
    /// Returns the copy of a text, which is created if there is none.
    fn intern(&self, text: &str) -> LabelText {
        let mut texts = self.0.lock();
        if let Some(known) = texts.get(text) {
            return *known;
        }
        let new = LabelText::new(text);
        texts.insert(new);
        new
    }
}

/// The values of a family's labels and of the request labels.
#[derive(Clone, Copy)]
pub(crate) struct LabelValues<'a, const L: usize> {
    values: [&'a str; L],
    /// Ignored by families without request labels.
    request_values: RequestLabelValues,
}

impl<'a, const L: usize> From<[&'a str; L]> for LabelValues<'a, L> {
    fn from(values: [&'a str; L]) -> Self {
        Self { values, request_values: RequestLabelValues::default() }
    }
}

impl RequestLabelValues {
    /// Returns the labels of a series: `values` are those of the family's own labels.
    pub(crate) fn with<const L: usize>(self, values: [&str; L]) -> LabelValues<'_, L> {
        LabelValues { values, request_values: self }
    }
}

/// The values of a family's labels, interned, and of the request labels.
type Key<const L: usize> = ([LabelText; L], RequestLabelValues);

struct SeriesMap<P, const L: usize> {
    primitives: BTreeMap<Key<L>, P>,
    /// The distinct values of each label that has a limit.
    seen: [BTreeSet<LabelText>; L],
    /// The counters for each set of labels whose values were replaced in a series.
    overflow: Vec<&'static OverflowCounters>,
}

impl<P: Primitive, const L: usize> Family<P, L> {
    pub(super) fn new(
        name: &str,
        help: &str,
        (labels, request_labels): ([&'static str; L], Arc<RequestLabels>),
        settings: P::Settings,
        options: &FamilyOptions,
        shared: &SharedStorage,
    ) -> prometheus::Result<Self> {
        let limits = &options.limits;
        Ok(Self {
            desc: options.desc(name, help, &labels)?,
            const_labels: options.const_labels.clone(),
            labels,
            request_labels,
            limits: labels.map(|label| limits.for_label(name, label)),
            allowed: labels.map(|label| limits.allowed.get(label).cloned()),
            max_series: limits.max_series,
            settings,
            series: Mutex::new(SeriesMap {
                primitives: BTreeMap::new(),
                seen: [const { BTreeSet::new() }; L],
                overflow: Vec::new(),
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
        let LabelValues { mut values, request_values } = values;
        // A family without request labels keeps none of their values.
        let mut request_values = self.request_labels.declared(request_values);
        let mut replaced: Vec<&str> = Vec::new();
        let interner = &self.shared.interner;
        let primitive = {
            let mut series = self.series.lock();
            for (index, value) in values.iter_mut().enumerate() {
                let admitted = match &self.allowed[index] {
                    _ if *value == BEYOND_LIMIT => false,
                    Some(allowed) => value.is_empty() || allowed.contains(*value),
                    None => series.admits(index, value, self.limits[index], interner),
                };
                if !admitted {
                    *value = OVERFLOW;
                    replaced.push(self.labels[index]);
                }
            }
            let key = |values: [&str; L], request_values| {
                (values.map(|value| interner.intern(value)), request_values)
            };
            let is_full = series.primitives.len() >= self.max_series;
            if is_full && !series.primitives.contains_key(&key(values, request_values)) {
                request_values = request_values.overflowed();
                for (index, value) in values.iter_mut().enumerate() {
                    let is_limited = self.limits[index].is_some() && !value.is_empty();
                    if is_limited && *value != OVERFLOW {
                        *value = OVERFLOW;
                        replaced.push(self.labels[index]);
                    }
                }
            }
            match series.primitives.entry(key(values, request_values)) {
                Entry::Occupied(entry) => *entry.get(),
                Entry::Vacant(entry) => *entry.insert(P::new(self.settings)),
            }
        };
        replaced.extend(self.request_labels.overflowed_names(request_values));
        SeriesHandle { primitive, overflow: self.overflow_counters(&replaced) }
    }

    /// Returns the counters of the labels whose values were replaced, or `None` if no value was.
    fn overflow_counters(&self, labels: &[&str]) -> Option<&'static OverflowCounters> {
        let family = self.shared.overflow.as_ref().filter(|_| !labels.is_empty())?;
        let mut series = self.series.lock();
        if let Some(known) = series.overflow.iter().find(|known| known.is_for(labels)) {
            return Some(known);
        }
        let counter = |label: &&str| {
            ((*label).into(), family.series([&*self.desc.fq_name, *label]).primitive)
        };
        let new: &_ = Box::leak(Box::new(OverflowCounters::new(labels.iter().map(counter))));
        series.overflow.push(new);
        Some(new)
    }
}

#[cfg(feature = "live")]
impl<const L: usize> Family<Histogram, L> {
    /// Returns the upper bounds of the buckets, without `+Inf`.
    pub(crate) fn bounds(&self) -> &'static [f64] {
        self.settings.bounds()
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
        let after = after.and_then(|SeriesKey(values, request_values)| {
            Some((<[LabelText; L]>::try_from(&*values).ok()?, request_values))
        });
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        let series = self.series.lock();
        let rest = series.primitives.range((after, Bound::Unbounded));
        for ((values, request_values), primitive) in rest.filter(|(_, series)| series.is_shown()) {
            let labels = SeriesLabels {
                const_labels: &self.const_labels,
                names: &self.labels,
                values,
                request_labels: &self.request_labels,
                request_values: *request_values,
            };
            primitive.read(|value| sink.series(&labels, value));
            if sink.is_full() {
                return Some(SeriesKey(values.to_vec().into(), *request_values));
            }
        }
        None
    }
}
