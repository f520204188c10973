//! The way out: the page that Prometheus scrapes, and the file that node-exporter reads.

#[cfg(feature = "axum")]
mod endpoint;
mod file;

#[cfg(feature = "axum")]
pub use self::endpoint::{MetricsEndpoint, metrics_endpoint};
pub use self::file::{FileWriter, WriteError, generate_prometheus_data};
