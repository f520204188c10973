//! The rows of the tables of the page. A row sums the series with the same label values.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::family::HistogramSnapshot;

/// The endpoint, the provider or the model of the row that sums the series without a row.
const REST: &str = "…";

/// One or two label values. The second one is empty if the table has only one label.
pub(super) type Key = [&'static str; 2];

/// Adds a number to a total, which stays at its largest value instead of wrapping.
pub(super) fn add_to(total: &mut u64, number: u64) {
    *total = total.saturating_add(number);
}

/// Returns a time in whole milliseconds.
pub(super) fn milliseconds(time: Duration) -> Value {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).into()
}

/// A row of a table.
pub(super) trait Row: Clone {
    /// The name of the table.
    const TABLE: &'static str;
    /// The names of the labels.
    const LABELS: &'static [&'static str];

    /// Returns how busy the series are.
    fn weight(&self) -> u64;

    /// Adds the numbers of another row.
    fn add(&mut self, other: &Self);

    /// Returns the row without the numbers that cannot be added.
    fn without_levels(self) -> Self {
        self
    }

    /// Returns the numbers.
    fn numbers(&self) -> Map<String, Value>;

    /// Returns the labels and the numbers. Without a key, the row is the sum of the others, and has
    /// a mark: a client may have named a model like this row.
    fn to_json(&self, key: Option<&Key>) -> Value {
        let values = key.copied().unwrap_or([REST; 2]);
        let labels = Self::LABELS.iter().zip(values);
        let mut row = self.numbers();
        row.extend(labels.map(|(label, value)| ((*label).to_owned(), value.into())));
        if key.is_none() {
            row.insert("is_rest".to_owned(), true.into());
        }
        row.into()
    }
}

/// Counters by the value of a label.
#[derive(Clone, Default)]
pub(super) struct Counts(BTreeMap<&'static str, u64>);

impl Counts {
    pub(super) fn add(&mut self, value: &'static str, number: u64) {
        let count = self.0.entry(value).or_default();
        add_to(count, number);
    }

    fn add_all(&mut self, other: &Self) {
        for (value, number) in &other.0 {
            self.add(value, *number);
        }
    }

    fn total(&self) -> u64 {
        self.0.values().fold(0, |total, number| total.saturating_add(*number))
    }

    fn to_json(&self) -> Value {
        json!(self.0)
    }
}

/// A histogram over bounds that are given with each value.
#[derive(Clone)]
pub(super) struct Buckets {
    cumulative: Vec<u64>,
    sum: f64,
}

impl Buckets {
    pub(super) fn new(bounds: &[f64]) -> Self {
        Self { cumulative: vec![0; bounds.len() + 1], sum: 0.0 }
    }

    /// Adds a histogram whose bounds are among `bounds`. The values of a bucket that `bounds`
    /// divides are added at its upper bound.
    pub(super) fn add(&mut self, bounds: &[f64], snapshot: &HistogramSnapshot<'_>) {
        let own_bounds = &snapshot.bounds.values;
        let mut reached = 0;
        for (number, bound) in self.cumulative.iter_mut().zip(bounds) {
            while own_bounds.get(reached).is_some_and(|own| own <= bound) {
                reached += 1;
            }
            let below = reached.checked_sub(1).and_then(|last| snapshot.cumulative.get(last));
            add_to(number, below.copied().unwrap_or_default());
        }
        if let Some(all) = self.cumulative.last_mut() {
            add_to(all, snapshot.count);
        }
        self.sum += snapshot.sum;
    }

    fn add_all(&mut self, other: &Self) {
        for (number, added) in self.cumulative.iter_mut().zip(&other.cumulative) {
            add_to(number, *added);
        }
        self.sum += other.sum;
    }

    fn to_json(&self) -> Value {
        json!({ "buckets": self.cumulative, "sum": self.sum })
    }
}

/// The age of the oldest request in flight. An age that is only known to be larger comes last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Age {
    Exactly(Duration),
    AtLeast(Duration),
}

/// The requests of an endpoint.
#[derive(Clone)]
pub(super) struct Requests {
    pub(super) outcomes: Counts,
    pub(super) active: u64,
    /// The age of the oldest request in flight, if it is known.
    pub(super) oldest: Option<Age>,
    pub(super) duration: Buckets,
}

impl Row for Requests {
    const TABLE: &'static str = "requests";
    const LABELS: &'static [&'static str] = &["endpoint"];

    fn weight(&self) -> u64 {
        self.outcomes.total().saturating_add(self.active)
    }

    fn add(&mut self, other: &Self) {
        self.outcomes.add_all(&other.outcomes);
        add_to(&mut self.active, other.active);
        self.oldest = self.oldest.max(other.oldest);
        self.duration.add_all(&other.duration);
    }

    fn numbers(&self) -> Map<String, Value> {
        let (oldest, is_at_least) = match self.oldest {
            None => (Value::Null, false),
            Some(Age::Exactly(age)) => (milliseconds(age), false),
            Some(Age::AtLeast(age)) => (milliseconds(age), true),
        };
        Map::from_iter([
            ("outcomes".to_owned(), self.outcomes.to_json()),
            ("active".to_owned(), self.active.into()),
            ("oldest_ms".to_owned(), oldest),
            ("oldest_is_at_least".to_owned(), is_at_least.into()),
            ("buckets".to_owned(), json!(self.duration.cumulative)),
            ("sum".to_owned(), self.duration.sum.into()),
        ])
    }
}

/// The streams of an endpoint.
#[derive(Clone)]
pub(super) struct Streams {
    pub(super) active: u64,
    pub(super) outcomes: Counts,
    pub(super) chunks: u64,
    pub(super) bytes: u64,
    pub(super) first_chunk: Buckets,
    pub(super) first_token: Buckets,
}

impl Row for Streams {
    const TABLE: &'static str = "streams";
    const LABELS: &'static [&'static str] = &["endpoint"];

    fn weight(&self) -> u64 {
        self.chunks.saturating_add(self.active)
    }

    fn add(&mut self, other: &Self) {
        add_to(&mut self.active, other.active);
        self.outcomes.add_all(&other.outcomes);
        add_to(&mut self.chunks, other.chunks);
        add_to(&mut self.bytes, other.bytes);
        self.first_chunk.add_all(&other.first_chunk);
        self.first_token.add_all(&other.first_token);
    }

    fn numbers(&self) -> Map<String, Value> {
        Map::from_iter([
            ("active".to_owned(), self.active.into()),
            ("outcomes".to_owned(), self.outcomes.to_json()),
            ("chunks".to_owned(), self.chunks.into()),
            ("bytes".to_owned(), self.bytes.into()),
            ("first".to_owned(), self.first_chunk.to_json()),
            ("first_token".to_owned(), self.first_token.to_json()),
        ])
    }
}

/// The calls of a model.
#[derive(Clone)]
pub(super) struct Calls {
    pub(super) outcomes: Counts,
    pub(super) errors: Counts,
    pub(super) input: u64,
    /// The part of the input that the provider has read from its cache.
    pub(super) cached: u64,
    pub(super) output: u64,
    /// The cost by the prices of the instance.
    pub(super) cost: Option<f64>,
    /// The cost that the provider states, which counts for models without a price.
    pub(super) provider_cost: Option<f64>,
    pub(super) first_token: Buckets,
    pub(super) limits: BTreeMap<&'static str, u64>,
}

impl Row for Calls {
    const TABLE: &'static str = "calls";
    const LABELS: &'static [&'static str] = &["provider", "model"];

    fn weight(&self) -> u64 {
        self.outcomes.total()
    }

    fn add(&mut self, other: &Self) {
        self.outcomes.add_all(&other.outcomes);
        self.errors.add_all(&other.errors);
        add_to(&mut self.input, other.input);
        add_to(&mut self.cached, other.cached);
        add_to(&mut self.output, other.output);
        if let Some(cost) = other.cost.or(other.provider_cost) {
            self.cost = Some(self.cost.or(self.provider_cost).unwrap_or_default() + cost);
        }
        self.first_token.add_all(&other.first_token);
    }

    fn without_levels(self) -> Self {
        Self { limits: BTreeMap::new(), ..self }
    }

    fn numbers(&self) -> Map<String, Value> {
        let tokens = json!({ "input": self.input, "cached": self.cached, "output": self.output });
        Map::from_iter([
            ("outcomes".to_owned(), self.outcomes.to_json()),
            ("errors".to_owned(), self.errors.to_json()),
            ("tokens".to_owned(), tokens),
            ("cost".to_owned(), json!(self.cost.or(self.provider_cost))),
            ("first".to_owned(), self.first_token.to_json()),
            ("limits".to_owned(), json!(self.limits)),
        ])
    }
}

/// The exceptions of a type at an endpoint.
#[derive(Clone, Default)]
pub(super) struct Exceptions {
    pub(super) count: u64,
}

impl Row for Exceptions {
    const TABLE: &'static str = "exceptions";
    const LABELS: &'static [&'static str] = &["endpoint", "type"];

    fn weight(&self) -> u64 {
        self.count
    }

    fn add(&mut self, other: &Self) {
        add_to(&mut self.count, other.count);
    }

    fn numbers(&self) -> Map<String, Value> {
        Map::from_iter([("count".to_owned(), self.count.into())])
    }
}
