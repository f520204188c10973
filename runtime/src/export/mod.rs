//! Exports the metrics: pages for Prometheus, files for node-exporter, pushes to a Pushgateway.

#[cfg(feature = "axum")]
mod accept;
#[cfg(feature = "axum")]
mod content_encoding;
#[cfg(feature = "axum")]
mod endpoint;
mod error;
mod file;
mod foreign;
mod histogram_lines;
#[cfg(feature = "live")]
mod live;
mod number;
mod page;
#[cfg(feature = "axum")]
mod page_body;
#[cfg(feature = "push")]
mod push;
#[cfg(feature = "axum")]
mod serve;
mod text_format;

#[cfg(test)]
mod tests;

#[cfg(feature = "axum")]
pub use self::endpoint::{MetricsEndpoint, metrics_endpoint};
pub use self::error::EncodeError;
#[cfg(feature = "monitoring")]
pub(crate) use self::file::replace;
pub use self::file::{FileWriter, WriteError, generate_prometheus_data};
#[cfg(feature = "live")]
pub use self::live::LivePage;
#[cfg(feature = "push")]
pub use self::push::{PushError, PushGateway};
#[cfg(feature = "axum")]
pub use self::serve::{MetricsServer, Serve};
