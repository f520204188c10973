//! Benchmark of a metrics page with 10,000 series: encoding time and memory.

mod crates;
mod streamgauge;

use std::hint::black_box;
use std::sync::Arc;
use std::thread;

use self::crates::{
    FastMetrics, Measured, MetricsExporter, Metriken, OpenTelemetry, Prometheus, PrometheusClient,
};
use self::streamgauge::{Endpoint, Streamgauge};
use crate::measure::Contender;
use crate::table::NumberFormat;
use crate::topic::{
    ALLOCATIONS, Column, Group, LIVE_BYTES, ONE_THREAD, PEAK_BYTES, SECOND_THREAD_BYTES, Source,
    Topic,
};

pub(crate) const TOPIC: Topic = Topic {
    name: "scrape",
    about: "a page of 10,000 series: time and memory",
    source: Source::Contenders(groups),
};

const ENDPOINT: &str = "/fill";

/// Number of series on a page.
const SERIES: u32 = 10_000;
/// The labels of the counters: every error type with every status, together `SERIES`.
const ERROR_TYPES: usize = 16;
const STATUSES: u16 = 625;
/// Number of models, the label of the histograms: two families with 5,000 models are `SERIES`.
const MODELS: u32 = 5_000;
const HISTOGRAMS: [&str; 2] = ["time_to_first_chunk_seconds", "inter_chunk_seconds"];

const COLUMNS: &[Column] = &[
    Column("ms", NumberFormat::Time, |line| Some(line.own(ONE_THREAD)? / 1e6)),
    Column("±", NumberFormat::Time, |line| Some(line.contender.one_thread?.spread / 1e6)),
    Column("allocations", NumberFormat::Count, |line| line.own(ALLOCATIONS)),
    Column("additional heap while encoding, KiB", NumberFormat::Integer, |line| {
        Some(line.own(PEAK_BYTES)? / 1024.0)
    }),
    Column("heap per series, bytes", NumberFormat::Integer, |line| {
        Some(line.own(LIVE_BYTES)? / f64::from(SERIES))
    }),
    Column("for a second recording thread, bytes", NumberFormat::Integer, |line| {
        Some(line.own(SECOND_THREAD_BYTES)? / f64::from(SERIES))
    }),
];

/// Kind of the series on a page.
#[derive(Clone, Copy)]
enum Kind {
    Counters,
    Histograms,
}

impl Kind {
    /// Number of series of one metric.
    fn series_per_metric(self) -> usize {
        let series = match self {
            Self::Counters => SERIES,
            Self::Histograms => MODELS,
        };
        series.try_into().expect("the number fits")
    }

    /// Panics unless a page has all series.
    fn check(self, page: &str) {
        let lines = |text: &str| page.lines().filter(|line| line.contains(text)).count();
        let (found, expected) = match self {
            Self::Counters => (lines("exceptions_total{"), SERIES),
            // Each histogram has 17 buckets with a bound, and one without.
            Self::Histograms => (lines("chunk_seconds_bucket{"), SERIES * 18),
        };
        assert_eq!(u32::try_from(found), Ok(expected), "the page has all series");
    }
}

/// Series of one crate, and their page.
trait Store: Send + Sync + 'static {
    /// Creates a store without series.
    fn new(kind: Kind) -> Self;

    /// Records one value in each series.
    fn record(&self, kind: Kind);

    /// Encodes the page.
    fn text(&self) -> String;

    /// Encodes the page in the way that is measured, and returns its size.
    fn page(&self) -> usize {
        self.text().len()
    }
}

/// Returns the labels of the counters, except for the endpoint: error type and status.
fn failures() -> impl Iterator<Item = (String, String)> {
    (0..ERROR_TYPES).flat_map(|number| {
        (100..100 + STATUSES).map(move |status| (format!("Failure<{number}>"), status.to_string()))
    })
}

/// Returns the values of the histograms in nanoseconds, each with its label `model`.
///
/// The values have several digits, as measured durations have.
fn nanoseconds() -> impl Iterator<Item = (String, u32)> {
    (0..MODELS).map(|number| (format!("model-{number:04}"), 100 + number))
}

/// Returns the values of the histograms in seconds, each with its label `model`.
fn observations() -> impl Iterator<Item = (String, f64)> {
    nanoseconds().map(|(model, value)| (model, f64::from(value) * 1e-9))
}

/// Returns a store in which this thread has recorded.
fn filled<S: Store>(kind: Kind) -> Arc<S> {
    let store = S::new(kind);
    store.record(kind);
    Arc::new(store)
}

/// Returns a store in which this thread and another one have recorded.
fn filled_by_two_threads<S: Store>(kind: Kind) -> Arc<S> {
    let store = filled::<S>(kind);
    thread::scope(|scope| scope.spawn(|| store.record(kind)).join()).expect("recording succeeds");
    store
}

/// Returns a contender that fills a store, and then encodes its page repeatedly.
fn pages<S: Store>(name: &str, kind: Kind, filled: fn(Kind) -> Arc<S>) -> Contender {
    Contender::new(name, move || {
        let (store, mut is_checked) = (filled(kind), false);
        move || {
            if !is_checked {
                kind.check(&store.text());
                is_checked = true;
            }
            assert!(black_box(store.page()) > 0, "the page is not empty");
        }
    })
}

/// Returns the same contender, whose memory for a second recording thread is measured, too.
fn pages_and_memory<S: Store>(name: &str, kind: Kind) -> Contender {
    pages::<S>(name, kind, filled).with_second_thread(move || {
        let store = filled::<S>(kind);
        move || store.record(kind)
    })
}

fn contenders(kind: Kind) -> Vec<Contender> {
    vec![
        pages_and_memory::<Streamgauge>("streamgauge, `encode_text`", kind),
        pages_and_memory::<Endpoint>("streamgauge, response of `endpoint`", kind),
        pages::<Endpoint>(
            "streamgauge, response of `endpoint`, two recording threads",
            kind,
            filled_by_two_threads,
        ),
        pages_and_memory::<Prometheus>("`prometheus`, `gather` and `TextEncoder`", kind),
        pages_and_memory::<PrometheusClient>("`prometheus-client` 0.26", kind),
        pages_and_memory::<MetricsExporter>("`metrics-exporter-prometheus`, `render`", kind),
        pages_and_memory::<OpenTelemetry>("`opentelemetry-prometheus` 0.33", kind),
        pages_and_memory::<Metriken>("`metriken-exposition` 0.25, `prometheus_text`", kind),
        pages_and_memory::<Measured>("`measured` 0.0.25, `BufferedTextEncoder`", kind),
        pages_and_memory::<FastMetrics>("`fastmetrics` 0.7", kind),
    ]
}

fn groups() -> Vec<Group> {
    let group = |key, caption: &str, kind| Group {
        key,
        caption: caption.to_owned(),
        two_threads: false,
        sample_divisor: 5,
        contenders: contenders(kind),
        columns: COLUMNS,
    };
    vec![
        group(
            "counters",
            "One metrics page of 10,000 counters with three labels. The last column is the heap \
             per series that is added when a second thread records into all series.",
            Kind::Counters,
        ),
        group(
            "histograms",
            "One metrics page of 10,000 histograms of 17 buckets with two labels, in two families. \
             The additional heap includes both copies of a buffer while it grows. The buckets of \
             `metriken` are powers of two, from which it derives the sums.",
            Kind::Histograms,
        ),
    ]
}
