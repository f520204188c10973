//! Benchmark of a metrics page with 10,000 series: encoding time and memory.

use std::convert::Infallible;
use std::hint::black_box;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use futures_util::FutureExt;
use futures_util::stream::{Stream, StreamExt, iter};
use metrics::{counter, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusRecorder};
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use streamgauge::{Metrics, streaming_metrics, track_detailed_exception};
use tower::Service;

use crate::measure::Contender;
use crate::peers::{GAP_BUCKETS, HELP};
use crate::router::send;
use crate::table::NumberFormat;
use crate::topic::{ALLOCATIONS, Column, Group, LIVE_BYTES, ONE_THREAD, PEAK_BYTES, Source, Topic};

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
];

/// An error whose parameter makes many types of it, for the label `exception_type`.
struct Failure<const N: usize>;

fn report<const N: usize>(status: StatusCode) {
    track_detailed_exception(&Failure::<N>, status);
}

macro_rules! reports {
    ($($number:literal)*) => {
        [$(report::<$number>),*]
    };
}

const REPORTS: [fn(StatusCode); ERROR_TYPES] = reports!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);

/// Returns the labels of the counters, except for the endpoint: error type and status.
fn failures() -> impl Iterator<Item = (String, String)> {
    (0..ERROR_TYPES).flat_map(|number| {
        (100..100 + STATUSES).map(move |status| (format!("Failure<{number}>"), status.to_string()))
    })
}

/// Returns the values of the histograms, each with its label `model`.
///
/// The values have several digits, as measured durations have.
fn observations() -> impl Iterator<Item = (String, f64)> {
    (0..MODELS).map(|number| (format!("model-{number:04}"), f64::from(100 + number) * 1e-9))
}

#[streaming_metrics(model = model)]
fn chunks(model: String) -> impl Stream<Item = Bytes> {
    drop(model);
    iter([Bytes::from_static(b"one"), Bytes::from_static(b"two")])
}

async fn fill_counters() -> &'static str {
    for status in 100..100 + STATUSES {
        let status = StatusCode::from_u16(status).expect("the status has three digits");
        for report in REPORTS {
            report(status);
        }
    }
    "filled"
}

async fn fill_histograms() -> &'static str {
    for (model, _) in observations() {
        assert_eq!(chunks(model).count().now_or_never(), Some(2));
    }
    "filled"
}

/// Returns an instance that one request has filled.
fn streamgauge_metrics(kind: Kind) -> Metrics {
    let series = usize::try_from(SERIES).expect("the number fits");
    let builder = Metrics::builder().max_label_values(series).max_series(series);
    let builder =
        HISTOGRAMS.iter().fold(builder, |builder, name| builder.buckets(*name, GAP_BUCKETS));
    let metrics = builder.build().expect("the settings are valid");
    let filling = match kind {
        Kind::Counters => get(fill_counters),
        Kind::Histograms => get(fill_histograms),
    };
    let router: Router = Router::new().route(ENDPOINT, filling).layer(metrics.layer());
    send(&router, Request::get(ENDPOINT).body(Body::empty()).expect("the request is valid"));
    metrics
}

/// Requests the page as Prometheus does, and reads it to its end.
fn scrape(metrics: &Metrics) -> usize {
    let response = metrics.endpoint().call(axum::http::Request::new(()));
    let response: Result<Response, Infallible> =
        response.now_or_never().expect("the endpoint does not wait");
    let body = response.expect("the endpoint is infallible").into_body().into_data_stream();
    let size = body.fold(0, async |size, frame| size + frame.map_or(0, |frame| frame.len()));
    size.now_or_never().expect("the body does not wait")
}

fn prometheus_registry(kind: Kind) -> Registry {
    let registry = Registry::new();
    match kind {
        Kind::Counters => {
            let labels = &["endpoint", "exception_type", "status"];
            let family = IntCounterVec::new(Opts::new("exceptions_total", HELP), labels);
            let family = family.expect("names are valid");
            for (error, status) in failures() {
                family.with_label_values(&[ENDPOINT, &error, &status]).inc();
            }
            registry.register(Box::new(family)).expect("the name is free");
        }
        Kind::Histograms => {
            for name in HISTOGRAMS {
                let options = HistogramOpts::new(name, HELP).buckets(GAP_BUCKETS.to_vec());
                let family = HistogramVec::new(options, &["endpoint", "model"]);
                let family = family.expect("names and buckets are valid");
                for (model, value) in observations() {
                    family.with_label_values(&[ENDPOINT, &model]).observe(value);
                }
                registry.register(Box::new(family)).expect("the name is free");
            }
        }
    }
    registry
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FailureLabels {
    endpoint: &'static str,
    exception_type: String,
    status: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ModelLabels {
    endpoint: &'static str,
    model: String,
}

fn prometheus_client_registry(kind: Kind) -> prometheus_client::registry::Registry {
    let mut registry = prometheus_client::registry::Registry::default();
    match kind {
        Kind::Counters => {
            let family = Family::<FailureLabels, Counter>::default();
            for (exception_type, status) in failures() {
                let labels = FailureLabels { endpoint: ENDPOINT, exception_type, status };
                family.get_or_create(&labels).inc();
            }
            registry.register("exceptions", HELP, family);
        }
        Kind::Histograms => {
            for name in HISTOGRAMS {
                let make: fn() -> Histogram = || Histogram::new(GAP_BUCKETS);
                let family = Family::<ModelLabels, Histogram, _>::new_with_constructor(make);
                for (model, value) in observations() {
                    family.get_or_create(&ModelLabels { endpoint: ENDPOINT, model }).observe(value);
                }
                registry.register(name, HELP, family);
            }
        }
    }
    registry
}

fn metrics_recorder(kind: Kind) -> PrometheusRecorder {
    let builder = HISTOGRAMS.iter().fold(PrometheusBuilder::new(), |builder, name| {
        let buckets =
            builder.set_buckets_for_metric(Matcher::Full((*name).to_owned()), &GAP_BUCKETS);
        buckets.expect("the list of buckets is not empty")
    });
    let recorder = builder.build_recorder();
    metrics::with_local_recorder(&recorder, || match kind {
        Kind::Counters => failures().for_each(|(error, status)| {
            let counter = counter!(
                "exceptions_total",
                "endpoint" => ENDPOINT,
                "exception_type" => error,
                "status" => status
            );
            counter.increment(1);
        }),
        Kind::Histograms => observations().for_each(|(model, value)| {
            for name in HISTOGRAMS {
                histogram!(name, "endpoint" => ENDPOINT, "model" => model.clone()).record(value);
            }
        }),
    });
    recorder.handle().run_upkeep();
    recorder
}

/// Kind of the series on a page.
#[derive(Clone, Copy)]
enum Kind {
    Counters,
    Histograms,
}

/// Returns a contender that fills a store, and then encodes its page repeatedly.
fn pages<S: 'static>(
    name: &str,
    kind: Kind,
    store: fn(Kind) -> S,
    page: fn(&S) -> usize,
) -> Contender {
    Contender::new(name, move || {
        let store = store(kind);
        move || assert!(black_box(page(&store)) > 0, "the page is not empty")
    })
}

fn contenders(kind: Kind) -> Vec<Contender> {
    vec![
        pages("streamgauge, `encode_text`", kind, streamgauge_metrics, |metrics| {
            metrics.encode_text().expect("all collectors work").len()
        }),
        pages("streamgauge, response of `endpoint`", kind, streamgauge_metrics, scrape),
        pages("`prometheus`, `gather` and `TextEncoder`", kind, prometheus_registry, |registry| {
            let page = TextEncoder::new().encode_to_string(&registry.gather());
            page.expect("the page can be encoded").len()
        }),
        pages("`prometheus-client`", kind, prometheus_client_registry, |registry| {
            let mut page = String::new();
            text::encode(&mut page, registry).expect("the page can be encoded");
            page.len()
        }),
        pages("`metrics-exporter-prometheus`, `render`", kind, metrics_recorder, |recorder| {
            recorder.handle().render().len()
        }),
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
        group("counters", "One metrics page of 10,000 counters with three labels.", Kind::Counters),
        group(
            "histograms",
            "One metrics page of 10,000 histograms of 17 buckets with two labels, in two families. \
             The additional heap includes both copies of a buffer while it grows.",
            Kind::Histograms,
        ),
    ]
}
