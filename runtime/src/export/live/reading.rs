//! A reading: the numbers of one moment, as the page reads them.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::ages::add_ages;
use super::describe::first_bounds;
use super::rows::{
    Buckets, Calls, Counts, Exceptions, Key, Requests, Row, Streams, add_to, milliseconds,
};
use crate::family::{AnyFamily, Families, SeriesLabels, SeriesSink, SeriesValue};
use crate::metrics::{InFlight, Instance, LastReading};

/// The largest number of rows of a table, without the row that sums the others.
const MAX_ROWS: usize = 200;

/// The number of series that are read while their family is locked.
const SERIES_PER_LOCK: usize = 1000;

/// Returns the numbers of an instance.
pub(super) fn reading(instance: &Instance, last: &mut LastReading) -> Value {
    instance.decide_zero_series();
    let families = instance.endpoints().families();
    let tables = Tables::read(families, instance.live_hub().in_flight(), last);
    let mut reading = json!({
        "uptime_ms": milliseconds(instance.live_hub().uptime()),
        "overflow": overflow(families),
        "refused": refused(families),
        "rest": {},
    });
    add_table(&mut reading, &tables.requests, last);
    add_table(&mut reading, &tables.streams, last);
    add_table(&mut reading, &tables.calls, last);
    add_table(&mut reading, &tables.exceptions, last);
    reading
}

/// Adds the busiest rows of a table, the sum of the others, and the number of the others.
fn add_table<R: Row>(reading: &mut Value, rows: &BTreeMap<Key, R>, last: &mut LastReading) {
    let shown = &mut last.shown;
    let was_shown = |key: &Key| shown.contains(&(R::TABLE, *key));
    let mut ranked: Vec<_> = rows.iter().collect();
    if ranked.len() > MAX_ROWS {
        // A series that has a row keeps it until another one is busier by a tenth, so that two
        // series that are about as busy do not change places in each reading.
        ranked.sort_by_cached_key(|(key, row)| {
            let (weight, was_shown) = (row.weight(), was_shown(key));
            let bonus = if was_shown { weight / 10 } else { 0 };
            Reverse((weight.saturating_add(bonus), was_shown))
        });
    }
    let (busiest, others) = ranked.split_at(ranked.len().min(MAX_ROWS));
    let mut table: Vec<_> = busiest.iter().map(|(key, row)| row.to_json(Some(key))).collect();
    if let Some(((_, first), others)) = others.split_first() {
        let mut sum = (*first).clone().without_levels();
        for (_, row) in others {
            sum.add(row);
        }
        table.push(sum.to_json(None));
    }
    reading[R::TABLE] = table.into();
    reading["rest"][R::TABLE] = others.len().into();
    shown.retain(|(table, _)| *table != R::TABLE);
    if !others.is_empty() {
        shown.extend(busiest.iter().map(|(key, _)| (R::TABLE, **key)));
    }
}

/// The rows of all series, by their labels.
struct Tables {
    requests: BTreeMap<Key, Requests>,
    streams: BTreeMap<Key, Streams>,
    calls: BTreeMap<Key, Calls>,
    exceptions: BTreeMap<Key, Exceptions>,
}

impl Tables {
    fn read(families: &Families, in_flight: &InFlight, last: &mut LastReading) -> Self {
        let first_bounds = first_bounds(families);
        Self {
            requests: requests(families, in_flight, last),
            streams: streams(families, &first_bounds),
            calls: calls(families, &first_bounds),
            exceptions: exceptions(families),
        }
    }
}

fn requests(
    families: &Families,
    in_flight: &InFlight,
    last: &mut LastReading,
) -> BTreeMap<Key, Requests> {
    let bounds = families.http_request_duration.bounds();
    let new = || Requests {
        outcomes: Counts::default(),
        active: 0,
        oldest: None,
        duration: Buckets::new(bounds),
    };
    let mut rows = BTreeMap::new();
    let before = in_flight.requests();
    for_each(&families.active_requests, |labels, value| {
        if let SeriesValue::Gauge(number) = value {
            add_to(&mut row(&mut rows, labels, ["endpoint", ""], new).active, number);
        }
    });
    let after = in_flight.requests();
    add_ages(&mut rows, [&before, &after], in_flight.watched_for(), last);
    for_each(&families.http_request_duration, |labels, value| {
        // Objectives on latency leave cancelled requests out.
        let is_cancelled = labels.own_value("outcome") == "cancelled";
        if let (SeriesValue::Histogram(histogram), false) = (value, is_cancelled) {
            row(&mut rows, labels, ["endpoint", ""], new).duration.add(bounds, &histogram);
        }
    });
    for_each(&families.http_requests, |labels, value| {
        if let SeriesValue::Counter(number) = value {
            let row = row(&mut rows, labels, ["endpoint", ""], new);
            row.outcomes.add(labels.own_value("outcome"), number);
        }
    });
    rows
}

fn streams(families: &Families, bounds: &[f64]) -> BTreeMap<Key, Streams> {
    let new = || Streams {
        active: 0,
        outcomes: Counts::default(),
        chunks: 0,
        bytes: 0,
        first_chunk: Buckets::new(bounds),
        first_token: Buckets::new(bounds),
    };
    let mut rows = BTreeMap::new();
    let mut add = |family: &dyn AnyFamily, add: fn(&mut Streams, SeriesUpdate<'_>)| {
        for_each(family, |labels, value| {
            let row = row(&mut rows, labels, ["endpoint", ""], new);
            add(row, SeriesUpdate { labels, value, bounds });
        });
    };
    add(&families.active_streams, |row, series| add_to(&mut row.active, series.number()));
    add(&families.stream_chunks, |row, series| add_to(&mut row.chunks, series.number()));
    add(&families.stream_bytes, |row, series| add_to(&mut row.bytes, series.number()));
    add(&families.stream_duration, |row, series| {
        row.outcomes.add(series.labels.own_value("outcome"), series.number());
    });
    add(&families.time_to_first_chunk, |row, series| series.add_to(&mut row.first_chunk));
    add(&families.time_to_first_token, |row, series| series.add_to(&mut row.first_token));
    rows
}

fn calls(families: &Families, bounds: &[f64]) -> BTreeMap<Key, Calls> {
    let new = || Calls {
        outcomes: Counts::default(),
        errors: Counts::default(),
        input: 0,
        cached: 0,
        output: 0,
        cost: None,
        provider_cost: None,
        first_token: Buckets::new(bounds),
        limits: BTreeMap::new(),
    };
    let mut rows = BTreeMap::new();
    let mut add = |family: &dyn AnyFamily, add: fn(&mut Calls, SeriesUpdate<'_>)| {
        for_each(family, |labels, value| {
            let row = row(&mut rows, labels, ["provider", "model"], new);
            add(row, SeriesUpdate { labels, value, bounds });
        });
    };
    add(&families.llm_calls, |row, series| {
        let error = series.labels.own_value("error_type");
        if !error.is_empty() {
            row.errors.add(error, series.number());
        }
    });
    add(&families.llm_call_duration, |row, series| {
        row.outcomes.add(series.labels.own_value("outcome"), series.number());
    });
    add(&families.token_usage, |row, series| {
        let number = series.number();
        match series.labels.own_value("token_type") {
            "output" => add_to(&mut row.output, number),
            _ => add_to(&mut row.input, number),
        }
        if series.labels.own_value("detail") == "cache_read" {
            add_to(&mut row.cached, number);
        }
    });
    add(&families.cost, |row, series| {
        row.cost = Some(row.cost.unwrap_or_default() + series.amount());
    });
    add(&families.provider_cost, |row, series| {
        row.provider_cost = Some(row.provider_cost.unwrap_or_default() + series.amount());
    });
    add(&families.llm_call_time_to_first_token, |row, series| series.add_to(&mut row.first_token));
    add(&families.llm_rate_limit_remaining, |row, series| {
        row.limits.insert(series.labels.own_value("resource"), series.number());
    });
    rows
}

/// Returns the exceptions of handlers, and, with an empty endpoint, those that no handler owns.
fn exceptions(families: &Families) -> BTreeMap<Key, Exceptions> {
    let mut rows = BTreeMap::new();
    let all: [&dyn AnyFamily; 2] = [&families.exceptions, &families.global_exceptions];
    for family in all {
        for_each(family, |labels, value| {
            if let SeriesValue::Counter(number) = value {
                let key = ["endpoint", "exception_type"];
                add_to(&mut row(&mut rows, labels, key, Exceptions::default).count, number);
            }
        });
    }
    rows
}

fn overflow(families: &Families) -> Vec<Value> {
    let mut overflow = Vec::new();
    for_each(&*families.metrics_overflow, |labels, value| {
        if let SeriesValue::Counter(count @ 1..) = value {
            let [family, label] = ["family", "label"].map(|name| labels.own_value(name));
            overflow.push(json!({ "family": family, "label": label, "count": count }));
        }
    });
    overflow
}

fn refused(families: &Families) -> Value {
    let mut refused = json!({});
    for_each(&families.scrapes_refused, |labels, value| {
        if let SeriesValue::Counter(number) = value {
            refused[labels.own_value("reason")] = number.into();
        }
    });
    refused
}

/// A series of a family, which is added to a row.
struct SeriesUpdate<'a> {
    labels: &'a SeriesLabels<'a>,
    value: SeriesValue<'a>,
    /// The bounds of all histograms of the row.
    bounds: &'a [f64],
}

impl SeriesUpdate<'_> {
    /// Returns the value of a counter or gauge, or the number of values of a histogram.
    fn number(&self) -> u64 {
        match &self.value {
            SeriesValue::Counter(number) | SeriesValue::Gauge(number) => *number,
            SeriesValue::Histogram(histogram) => histogram.count,
            SeriesValue::FloatCounter(_) => 0,
        }
    }

    /// Returns the value of a counter of money.
    fn amount(&self) -> f64 {
        if let SeriesValue::FloatCounter(amount) = self.value { amount } else { 0.0 }
    }

    fn add_to(&self, buckets: &mut Buckets) {
        if let SeriesValue::Histogram(histogram) = &self.value {
            buckets.add(self.bounds, histogram);
        }
    }
}

/// Returns the row with the values of these labels.
fn row<'a, R>(
    rows: &'a mut BTreeMap<Key, R>,
    labels: &SeriesLabels<'_>,
    names: [&str; 2],
    new: impl FnOnce() -> R,
) -> &'a mut R {
    rows.entry(names.map(|name| labels.own_value(name))).or_insert_with(new)
}

/// Calls `each` with each series of a family, and unlocks the family now and then.
fn for_each(family: &dyn AnyFamily, mut each: impl FnMut(&SeriesLabels<'_>, SeriesValue<'_>)) {
    let mut last = None;
    loop {
        last = family.write_series(last, &mut Each { each: &mut each, left: SERIES_PER_LOCK });
        if last.is_none() {
            return;
        }
    }
}

/// Passes series to a closure.
struct Each<F> {
    each: F,
    left: usize,
}

impl<F: FnMut(&SeriesLabels<'_>, SeriesValue<'_>)> SeriesSink for Each<F> {
    fn series(&mut self, labels: &SeriesLabels<'_>, value: SeriesValue<'_>) {
        (self.each)(labels, value);
        self.left = self.left.saturating_sub(1);
    }

    fn is_full(&self) -> bool {
        self.left == 0
    }
}
