//! Setup that the contenders of other crates share: histogram buckets, the global recorder of the
//! `metrics` crate, and meter providers of `opentelemetry_sdk`.

use std::sync::OnceLock;

use axum_prometheus::AXUM_HTTP_REQUESTS_DURATION_SECONDS;
use axum_prometheus::utils::SECONDS_DURATION_BUCKETS;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use opentelemetry_sdk::metrics::{Instrument, SdkMeterProvider, Stream};
use prometheus::Registry;

/// Help text of the metrics that contenders create by hand.
pub(crate) const HELP: &str = "A metric of the benchmark.";

/// Buckets of durations that contenders record by hand, in seconds.
pub(crate) const DURATION_BUCKETS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Buckets of the gaps between chunks, in seconds: streamgauge's default buckets.
pub(crate) const GAP_BUCKETS: [f64; 17] = [
    0.002, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0,
    10.0,
];
/// Buckets of body sizes, in bytes.
pub(crate) const SIZE_BUCKETS: [f64; 8] =
    [256.0, 1024.0, 4096.0, 16384.0, 65536.0, 262_144.0, 1_048_576.0, 4_194_304.0];

static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// Installs the global recorder of the `metrics` crate, which a process can have only once.
///
/// The buckets are the defaults of `axum-prometheus`, and those of the metrics that the contenders
/// name by hand.
pub(crate) fn install_recorder() {
    RECORDER.get_or_init(|| {
        let buckets = [
            (AXUM_HTTP_REQUESTS_DURATION_SECONDS, &SECONDS_DURATION_BUCKETS[..]),
            ("duration_seconds", &DURATION_BUCKETS),
            ("received_bytes", &SIZE_BUCKETS),
            ("sent_bytes", &SIZE_BUCKETS),
        ];
        let builder =
            buckets.into_iter().fold(PrometheusBuilder::new(), |builder, (name, bounds)| {
                let buckets =
                    builder.set_buckets_for_metric(Matcher::Full(name.to_owned()), bounds);
                buckets.expect("the list of buckets is not empty")
            });
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder).expect("no other recorder is installed");
        handle
    });
}

/// Aggregates the recorder's raw samples, as applications do every few seconds.
pub(crate) fn upkeep() {
    if let Some(recorder) = RECORDER.get() {
        recorder.run_upkeep();
    }
}

/// Returns a meter provider of `opentelemetry_sdk` with a limit of series per instrument, and the
/// registry from which `opentelemetry-prometheus` exports its metrics.
///
/// Instruments record only if their provider has a reader, which here is the exporter.
pub(crate) fn meter_provider(max_series: usize) -> (SdkMeterProvider, Registry) {
    let registry = Registry::new();
    let exporter = opentelemetry_prometheus::exporter()
        .with_registry(registry.clone())
        .scope_info_enabled(false)
        .without_target_info()
        .build();
    let limited = move |_: &Instrument| {
        let stream = Stream::builder().with_cardinality_limit(max_series).build();
        Some(stream.expect("the limit is valid"))
    };
    let builder = SdkMeterProvider::builder().with_view(limited);
    (builder.with_reader(exporter.expect("the registry is empty")).build(), registry)
}
