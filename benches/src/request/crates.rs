//! The metrics of a request, recorded with other crates: one module per crate.

mod fastmetrics;
mod labels;
mod measured;
mod metrics;
mod metriken;
mod opentelemetry;
mod prometheus;
mod prometheus_client;

pub(super) use self::fastmetrics::{FastMetrics, FastMetricsByLabel};
pub(super) use self::measured::{Measured, MeasuredByLabel};
pub(super) use self::metrics::{MetricsHandles, MetricsMacros};
pub(super) use self::metriken::{Metriken, ShardedMetriken};
pub(super) use self::opentelemetry::{BoundOpenTelemetry, OpenTelemetry};
pub(super) use self::prometheus::{Prometheus, PrometheusByLabel};
pub(super) use self::prometheus_client::{PrometheusClient, PrometheusClientByLabel};
