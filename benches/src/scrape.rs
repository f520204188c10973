//! One page of ten thousand series: how long it takes to write, and what memory it takes.

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
use crate::router::send;
use crate::table::Figure;
use crate::topic::{ALLOCATIONS, Answer, Column, Group, LIVE, ONE, PEAK, Topic};

pub(crate) const TOPIC: Topic = Topic {
    name: "scrape",
    about: "a page of 10,000 series: time and memory",
    answer: Answer::Measured(groups),
};

const ENDPOINT: &str = "/fill";
const HELP: &str = "What its name says.";

/// The series of each kind.
const SERIES: u32 = 10_000;
/// Counters have so many types of error, and each of them so many statuses.
const TYPES: usize = 16;
const STATUSES: u16 = 625;
/// Two histograms have so many models each.
const MODELS: u32 = 5_000;
const HISTOGRAMS: [&str; 2] = ["time_to_first_chunk_seconds", "inter_chunk_seconds"];
const BOUNDS: [f64; 17] = [
    0.002, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0,
    10.0,
];

const COLUMNS: &[Column] = &[
    Column("ms", Figure::Time, |line| Some(line.own(ONE)? / 1e6)),
    Column("±", Figure::Time, |line| Some(line.here.one?.spread / 1e6)),
    Column("allocations", Figure::Count, |line| line.own(ALLOCATIONS)),
    Column("most extra heap, KiB", Figure::Whole, |line| Some(line.own(PEAK)? / 1024.0)),
    Column("heap a series, bytes", Figure::Whole, |line| Some(line.own(LIVE)? / f64::from(SERIES))),
];

/// An error of one of so many types.
struct Failure<const N: usize>;

fn report<const N: usize>(status: StatusCode) {
    track_detailed_exception(&Failure::<N>, status);
}

macro_rules! reports {
    ($($number:literal)*) => {
        [$(report::<$number>),*]
    };
}

const REPORTS: [fn(StatusCode); TYPES] = reports!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);

/// The labels of the counters, but for the endpoint: an error's type and a status.
fn failures() -> impl Iterator<Item = (String, String)> {
    (0..TYPES).flat_map(|number| {
        (100..100 + STATUSES).map(move |status| (format!("Failure<{number}>"), status.to_string()))
    })
}

/// The labels of the histograms, but for the endpoint, with a value that has some digits.
fn paces() -> impl Iterator<Item = (String, f64)> {
    (0..MODELS).map(|number| (format!("model-{number:04}"), f64::from(100 + number) * 1e-9))
}

#[streaming_metrics(model = model)]
fn chunks(model: String) -> impl Stream<Item = Bytes> {
    drop(model);
    iter([Bytes::from_static(b"one"), Bytes::from_static(b"two")])
}

async fn fail() -> &'static str {
    for status in 100..100 + STATUSES {
        let status = StatusCode::from_u16(status).expect("it has three digits");
        for report in REPORTS {
            report(status);
        }
    }
    "filled"
}

async fn stream() -> &'static str {
    for (model, _) in paces() {
        assert_eq!(chunks(model).count().now_or_never(), Some(2));
    }
    "filled"
}

/// An instance in which one request has filled a family or two.
fn ours(kind: Kind) -> Metrics {
    let series = usize::try_from(SERIES).expect("there are few");
    let builder = Metrics::builder().max_label_values(series).max_series(series);
    let builder = HISTOGRAMS.iter().fold(builder, |builder, name| builder.buckets(*name, BOUNDS));
    let metrics = builder.build().expect("the settings are valid");
    let filling = match kind {
        Kind::Counters => get(fail),
        Kind::Histograms => get(stream),
    };
    let router: Router = Router::new().route(ENDPOINT, filling).layer(metrics.layer());
    send(&router, Request::get(ENDPOINT).body(Body::empty()).expect("it is well formed"));
    metrics
}

/// Asks for the page as a scraper does, and reads it to its end.
fn scrape(metrics: &Metrics) -> usize {
    let answer = metrics.endpoint().call(axum::http::Request::new(()));
    let response: Result<Response, Infallible> = answer.now_or_never().expect("ready at once");
    let body = response.expect("it does not fail").into_body().into_data_stream();
    let size = body.fold(0, async |size, frame| size + frame.map_or(0, |frame| frame.len()));
    size.now_or_never().expect("the page is there")
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
                let options = HistogramOpts::new(name, HELP).buckets(BOUNDS.to_vec());
                let family = HistogramVec::new(options, &["endpoint", "model"]);
                let family = family.expect("names and buckets are valid");
                for (model, value) in paces() {
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
struct PaceLabels {
    endpoint: &'static str,
    model: String,
}

fn client_registry(kind: Kind) -> prometheus_client::registry::Registry {
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
                let make: fn() -> Histogram = || Histogram::new(BOUNDS);
                let family = Family::<PaceLabels, Histogram, _>::new_with_constructor(make);
                for (model, value) in paces() {
                    family.get_or_create(&PaceLabels { endpoint: ENDPOINT, model }).observe(value);
                }
                registry.register(name, HELP, family);
            }
        }
    }
    registry
}

fn recorder(kind: Kind) -> PrometheusRecorder {
    let builder = HISTOGRAMS.iter().fold(PrometheusBuilder::new(), |builder, name| {
        let buckets = builder.set_buckets_for_metric(Matcher::Full((*name).to_owned()), &BOUNDS);
        buckets.expect("there are buckets")
    });
    let recorder = builder.build_recorder();
    metrics::with_local_recorder(&recorder, || {
        match kind {
        Kind::Counters => failures().for_each(|(error, status)| {
            counter!("exceptions_total", "endpoint" => ENDPOINT, "exception_type" => error, "status" => status)
                .increment(1);
        }),
        Kind::Histograms => paces().for_each(|(model, value)| {
            for name in HISTOGRAMS {
                histogram!(name, "endpoint" => ENDPOINT, "model" => model.clone()).record(value);
            }
        }),
    }
    });
    recorder.handle().run_upkeep();
    recorder
}

#[derive(Clone, Copy)]
enum Kind {
    Counters,
    Histograms,
}

/// A contender that fills its store, and then writes the page again and again.
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
        pages("streamgauge, `encode_text`", kind, ours, |metrics| {
            metrics.encode_text().expect("all collectors work").len()
        }),
        pages("streamgauge, a scrape of `endpoint`", kind, ours, scrape),
        pages("`prometheus`, `gather` and `TextEncoder`", kind, prometheus_registry, |registry| {
            let page = TextEncoder::new().encode_to_string(&registry.gather());
            page.expect("it can be written").len()
        }),
        pages("`prometheus-client`", kind, client_registry, |registry| {
            let mut page = String::new();
            text::encode(&mut page, registry).expect("it can be written");
            page.len()
        }),
        pages("`metrics-exporter-prometheus`, `render`", kind, recorder, |recorder| {
            recorder.handle().render().len()
        }),
    ]
}

fn groups() -> Vec<Group> {
    let group = |key, caption: &str, kind| Group {
        key,
        caption: caption.to_owned(),
        two_threads: false,
        thinned: 5,
        contenders: contenders(kind),
        columns: COLUMNS,
    };
    vec![
        group("counters", "One page of 10,000 counters with three labels.", Kind::Counters),
        group(
            "histograms",
            "One page of 10,000 histograms of 17 buckets with two labels, in two families. Where a \
             buffer grows, the old one and the new one are there at once.",
            Kind::Histograms,
        ),
    ]
}
