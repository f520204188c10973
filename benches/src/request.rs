//! Benchmark of recording the metrics of one request, without a router: a gauge of requests in
//! flight, a counter and three histograms.

#![expect(clippy::unused_async, reason = "the attribute on the function is measured")]

pub(crate) mod atomics;
mod crates;

use std::convert::Infallible;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use streamgauge::instrument_endpoint;
use tower::{Layer, Service, service_fn};

use self::atomics::{AllAdditions, FetchAdd, LoadAndStore, PerThread, WithoutCounts, WithoutSizes};
use self::crates::{
    BoundOpenTelemetry, FastMetrics, FastMetricsByLabel, Measured, MeasuredByLabel, MetricsHandles,
    MetricsMacros, Metriken, OpenTelemetry, Prometheus, PrometheusByLabel, PrometheusClient,
    PrometheusClientByLabel, ShardedMetriken,
};
use crate::measure::Contender;
use crate::table::NumberFormat;
use crate::topic::{
    ALLOCATED_BYTES, ALLOCATIONS, Column, Group, ONE_THREAD, SPREAD, Source, TWO_THREADS, Topic,
};
use crate::{peers, router};

pub(crate) const TOPIC: Topic = Topic {
    name: "request",
    about: "recording a request without a router: atomics, crates, attribute and layer",
    source: Source::Contenders(groups),
};

const COLUMNS: &[Column] = &[
    Column("ns", NumberFormat::Time, |line| line.above_base_or_own(ONE_THREAD)),
    SPREAD,
    Column("2 threads, ns", NumberFormat::Time, |line| line.above_base_or_own(TWO_THREADS)),
    Column("2 threads ÷ 1", NumberFormat::Ratio, |line| {
        Some(line.above_base_or_own(TWO_THREADS)? / line.above_base_or_own(ONE_THREAD)?)
    }),
    Column("allocations", NumberFormat::Count, |line| line.above_base_or_own(ALLOCATIONS)),
    Column("bytes", NumberFormat::Count, |line| line.above_base_or_own(ALLOCATED_BYTES)),
];

/// The recorded values of one request.
#[derive(Clone, Copy)]
pub(crate) struct Observation {
    pub(crate) duration: Duration,
    pub(crate) received_bytes: u32,
    pub(crate) sent_bytes: u32,
}

/// Metrics of requests, recorded with one of the crates.
pub(crate) trait Recorder: Send + Sync + 'static {
    fn start(&self);
    fn finish(&self, observation: Observation);
}

/// A repeating sequence of pseudo-random requests.
struct Requests {
    observations: [Observation; 64],
    next: usize,
}

impl Requests {
    fn new() -> Self {
        let mut state = 0x9E37_79B9_u32;
        let mut random = |bound: u32| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state % bound
        };
        let mut random_observation = || Observation {
            duration: Duration::from_micros(random(400_000).into()),
            received_bytes: random(8_192),
            sent_bytes: random(262_144),
        };
        Self { observations: std::array::from_fn(|_| random_observation()), next: 0 }
    }

    fn next(&mut self) -> Observation {
        self.next = (self.next + 1) % self.observations.len();
        self.observations[self.next]
    }
}

/// Returns a contender that records requests with a known duration.
fn without_clock(name: &str, recorder: impl Recorder) -> Contender {
    let recorder = Arc::new(recorder);
    Contender::new(name, move || {
        let (recorder, mut requests) = (Arc::clone(&recorder), Requests::new());
        move || {
            recorder.start();
            recorder.finish(black_box(requests.next()));
        }
    })
}

/// Returns a contender that measures the duration of each request with two clock reads.
fn with_clock(name: &str, recorder: impl Recorder) -> Contender {
    let recorder = Arc::new(recorder);
    Contender::new(name, move || {
        let (recorder, mut requests) = (Arc::clone(&recorder), Requests::new());
        move || {
            let started = Instant::now();
            recorder.start();
            let observation = black_box(requests.next());
            recorder.finish(Observation { duration: started.elapsed(), ..observation });
        }
    })
}

async fn plain() -> &'static str {
    black_box("hello")
}

#[instrument_endpoint]
async fn annotated() -> &'static str {
    black_box("hello")
}

/// Sends a request to a service.
fn send<S>(mut service: S)
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    let response = service.call(Request::new(Body::empty())).now_or_never();
    assert!(black_box(response).is_some(), "the service does not wait");
}

fn streamgauge_contenders() -> [Contender; 4] {
    const FUNCTION: &str = "a function";
    const SERVICE: &str = "a service";
    let bare = || service_fn(|_: Request| async { Ok(plain().await.into_response()) });
    let service = || service_fn(|_: Request| async { Ok(annotated().await.into_response()) });
    let layer = router::layer();
    [
        Contender::from_fn(FUNCTION, || plain().now_or_never()).hidden(),
        Contender::from_fn(SERVICE, move || send(bare())).hidden(),
        Contender::from_fn("streamgauge, attribute alone, without body sizes", || {
            annotated().now_or_never()
        })
        .compared_with(FUNCTION),
        Contender::new("streamgauge, layer and attribute around a service", move || {
            let service = layer.layer(service());
            move || send(service.clone())
        })
        .compared_with(SERVICE),
    ]
}

/// Returns the lower bounds.
fn lower_bounds() -> [Contender; 8] {
    [
        without_clock("lower bound: 12 atomic additions", AllAdditions::<FetchAdd>::default()),
        without_clock(
            "lower bound: 9 atomic additions, counts derived from buckets",
            WithoutCounts::default(),
        ),
        without_clock(
            "lower bound: 12 atomic additions, one shard per thread",
            PerThread::<AllAdditions<FetchAdd>>::default(),
        ),
        without_clock(
            "lower bound: 12 loads and stores, one shard per thread",
            PerThread::<AllAdditions<LoadAndStore>>::default(),
        ),
        with_clock(
            "lower bound: 12 atomic additions, 2 `Instant::now`",
            AllAdditions::<FetchAdd>::default(),
        ),
        with_clock(
            "lower bound: 12 atomic additions, one shard per thread, 2 `Instant::now`",
            PerThread::<AllAdditions<FetchAdd>>::default(),
        ),
        with_clock(
            "lower bound: 12 loads and stores, one shard per thread, 2 `Instant::now`",
            PerThread::<AllAdditions<LoadAndStore>>::default(),
        ),
        with_clock(
            "lower bound without body sizes: 6 atomic additions, 2 `Instant::now`",
            WithoutSizes::<FetchAdd>::default(),
        ),
    ]
}

/// Returns the contenders of other crates.
fn crates() -> [Contender; 15] {
    [
        without_clock("`prometheus`, handles", Prometheus::new()),
        with_clock("`prometheus`, handles, 2 `Instant::now`", Prometheus::new()),
        without_clock("`prometheus`, `with_label_values`", PrometheusByLabel::new()),
        without_clock("`prometheus-client` 0.26, handles", PrometheusClient::default()),
        without_clock(
            "`prometheus-client` 0.26, `get_or_create`",
            PrometheusClientByLabel::default(),
        ),
        without_clock("`metrics`, handles", MetricsHandles::new()),
        without_clock("`metrics`, macros with literal labels", MetricsMacros),
        without_clock("`opentelemetry_sdk` 0.33, bound instruments", BoundOpenTelemetry::new()),
        without_clock("`opentelemetry_sdk` 0.33, attributes", OpenTelemetry::new()),
        without_clock("`metriken` 0.11", Metriken::default()),
        without_clock("`metriken` 0.11, one shard per thread", ShardedMetriken::default()),
        without_clock("`measured` 0.0.25, identifiers of series", Measured::default()),
        without_clock("`measured` 0.0.25, labels", MeasuredByLabel::default()),
        without_clock("`fastmetrics` 0.7, handles", FastMetrics::default()),
        without_clock("`fastmetrics` 0.7, `with_or_new`", FastMetricsByLabel::default()),
    ]
}

fn groups() -> Vec<Group> {
    peers::install_recorder();
    let contenders = lower_bounds().into_iter().chain(crates()).chain(streamgauge_contenders());
    vec![Group {
        key: "",
        caption:
            "The metrics of one request, without a router: a gauge of requests in flight, up and \
                  down, a counter, and histograms of the duration (14 buckets) and of both body \
                  sizes (8 buckets each). The figures of streamgauge are those above the same \
                  function or service without metrics; they include two clock reads, and \
                  histograms of 17, 10 and 10 buckets. The figures of `metrics` exclude the \
                  recorder's later aggregation. The histograms of `metriken` have a bucket for each \
                  power of two."
                .to_owned(),
        two_threads: true,
        sample_divisor: 1,
        contenders: contenders.collect(),
        columns: COLUMNS,
    }]
}
