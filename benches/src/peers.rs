//! What peers share: the recorder that the `metrics` crate has one of in a process.

use std::sync::OnceLock;

use axum_prometheus::AXUM_HTTP_REQUESTS_DURATION_SECONDS;
use axum_prometheus::utils::SECONDS_DURATION_BUCKETS;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Upper bounds of durations that contenders record by hand, in seconds.
pub(crate) const SECONDS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Upper bounds of sizes, in bytes.
pub(crate) const BYTES: [f64; 8] =
    [256.0, 1024.0, 4096.0, 16384.0, 65536.0, 262_144.0, 1_048_576.0, 4_194_304.0];

static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// Installs the recorder: as `axum-prometheus` does it unless told otherwise, and with buckets for what the
/// contenders name by hand.
pub(crate) fn install_recorder() {
    RECORDER.get_or_init(|| {
        let buckets = [
            (AXUM_HTTP_REQUESTS_DURATION_SECONDS, &SECONDS_DURATION_BUCKETS[..]),
            ("duration_seconds", &SECONDS),
            ("received_bytes", &BYTES),
            ("sent_bytes", &BYTES),
        ];
        let builder =
            buckets.into_iter().fold(PrometheusBuilder::new(), |builder, (name, bounds)| {
                let buckets =
                    builder.set_buckets_for_metric(Matcher::Full(name.to_owned()), bounds);
                buckets.expect("there are buckets")
            });
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder).expect("it is the only one");
        handle
    });
}

/// Clears away the samples that the recorder keeps until then, as its users do every few seconds.
pub(crate) fn upkeep() {
    if let Some(recorder) = RECORDER.get() {
        recorder.run_upkeep();
    }
}
