//! The pages of other crates: one module per crate.

mod fastmetrics;
mod labels;
mod measured;
mod metrics;
mod metriken;
mod opentelemetry;
mod prometheus;
mod prometheus_client;

pub(super) use self::fastmetrics::FastMetrics;
pub(super) use self::measured::Measured;
pub(super) use self::metrics::MetricsExporter;
pub(super) use self::metriken::Metriken;
pub(super) use self::opentelemetry::OpenTelemetry;
pub(super) use self::prometheus::Prometheus;
pub(super) use self::prometheus_client::PrometheusClient;
