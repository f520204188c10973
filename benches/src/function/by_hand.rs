//! Metrics of a function that an application could record by hand: calls in flight, their number
//! and their duration.

use std::hint::black_box;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use metriken::{ShardedCounterGroup, ShardedCounterHistogram};
use opentelemetry::metrics::{BoundCounter, BoundHistogram, BoundUpDownCounter, MeterProvider};
use opentelemetry_sdk::metrics::SdkMeterProvider;
use prometheus::{Histogram, HistogramOpts, IntCounter, IntGauge};

use crate::peers::{DURATION_BUCKETS, HELP, meter_provider};
use crate::request::atomics::{LoadAndStore, PerThread, WithoutSizes};
use crate::request::{Observation, Recorder};

/// Metrics in a `static`.
pub(super) trait ByHand: Sized + 'static {
    fn metrics() -> &'static Self;

    fn start(&self);

    fn finish(&self, duration: Duration);
}

/// A plain function that records its metrics.
pub(super) fn recorded<M: ByHand>(n: u64) -> u64 {
    let (metrics, started) = (M::metrics(), Instant::now());
    metrics.start();
    let sum = black_box(n) + 1;
    metrics.finish(started.elapsed());
    sum
}

/// An async function that records its metrics.
pub(super) async fn recorded_async<M: ByHand>(n: u64) -> u64 {
    recorded::<M>(n)
}

/// The lower bound: loads and stores, with a shard for each thread.
#[derive(Default)]
pub(super) struct LowerBound(PerThread<WithoutSizes<LoadAndStore>>);

impl ByHand for LowerBound {
    fn metrics() -> &'static Self {
        static METRICS: LazyLock<LowerBound> = LazyLock::new(LowerBound::default);
        &METRICS
    }

    fn start(&self) {
        self.0.start();
    }

    fn finish(&self, duration: Duration) {
        self.0.finish(Observation { duration, received_bytes: 0, sent_bytes: 0 });
    }
}

/// The crate `prometheus`, with handles.
pub(super) struct Prometheus {
    in_flight: IntGauge,
    calls: IntCounter,
    duration: Histogram,
}

impl ByHand for Prometheus {
    fn metrics() -> &'static Self {
        static METRICS: LazyLock<Prometheus> = LazyLock::new(|| {
            let duration = HistogramOpts::new("call_seconds", HELP);
            let duration = Histogram::with_opts(duration.buckets(DURATION_BUCKETS.to_vec()));
            Prometheus {
                in_flight: IntGauge::new("calls_in_flight", HELP).expect("the name is valid"),
                calls: IntCounter::new("calls", HELP).expect("the name is valid"),
                duration: duration.expect("the buckets are valid"),
            }
        });
        &METRICS
    }

    fn start(&self) {
        self.in_flight.inc();
    }

    fn finish(&self, duration: Duration) {
        self.calls.inc();
        self.duration.observe(duration.as_secs_f64());
        self.in_flight.dec();
    }
}

/// The crate `opentelemetry_sdk`, with bound instruments.
pub(super) struct OpenTelemetry {
    in_flight: BoundUpDownCounter<i64>,
    calls: BoundCounter<u64>,
    duration: BoundHistogram<f64>,
    /// Instruments record nothing without their provider.
    _provider: SdkMeterProvider,
}

impl ByHand for OpenTelemetry {
    fn metrics() -> &'static Self {
        static METRICS: LazyLock<OpenTelemetry> = LazyLock::new(|| {
            let (provider, _) = meter_provider(1);
            let meter = provider.meter("function");
            let duration = meter.f64_histogram("call_seconds");
            let duration = duration.with_boundaries(DURATION_BUCKETS.to_vec()).build();
            OpenTelemetry {
                in_flight: meter.i64_up_down_counter("calls_in_flight").build().bind(&[]),
                calls: meter.u64_counter("calls").build().bind(&[]),
                duration: duration.bind(&[]),
                _provider: provider,
            }
        });
        &METRICS
    }

    fn start(&self) {
        self.in_flight.add(1);
    }

    fn finish(&self, duration: Duration) {
        self.calls.add(1);
        self.duration.record(duration.as_secs_f64());
        self.in_flight.add(-1);
    }
}

/// The crate `metriken`, with a shard for each thread.
///
/// The calls in flight are the difference between the numbers of started and of ended calls. A
/// histogram of this crate has no sum, and one bucket for each power of two.
pub(super) struct Metriken {
    counters: ShardedCounterGroup,
    duration: ShardedCounterHistogram,
}

impl Metriken {
    const STARTED: usize = 0;
    const ENDED: usize = 1;
    const NANOSECONDS: usize = 2;

    fn add(&self, counter: usize, value: u64) {
        assert!(self.counters.add(counter, value), "the index is within the group");
    }
}

impl ByHand for Metriken {
    fn metrics() -> &'static Self {
        static METRICS: Metriken = Metriken {
            counters: ShardedCounterGroup::new(Metriken::NANOSECONDS + 1),
            duration: ShardedCounterHistogram::new(0, 64),
        };
        &METRICS
    }

    fn start(&self) {
        self.add(Self::STARTED, 1);
    }

    fn finish(&self, duration: Duration) {
        let nanoseconds = duration.as_nanos().try_into().unwrap_or(u64::MAX);
        self.duration.increment(nanoseconds).expect("the value is in range");
        self.add(Self::NANOSECONDS, nanoseconds);
        self.add(Self::ENDED, 1);
    }
}
