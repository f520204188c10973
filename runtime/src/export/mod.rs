//! The way out: the page that Prometheus scrapes, and the file that node-exporter reads.

#[cfg(feature = "axum")]
mod accept;
#[cfg(feature = "axum")]
mod body;
#[cfg(feature = "axum")]
mod coding;
#[cfg(feature = "axum")]
mod endpoint;
mod file;
mod others;
mod page;
#[cfg(feature = "push")]
mod push;
#[cfg(feature = "axum")]
mod serve;
mod text;

#[cfg(feature = "axum")]
pub use self::endpoint::{MetricsEndpoint, metrics_endpoint};
pub use self::file::{FileWriter, WriteError, generate_prometheus_data};
pub use self::page::EncodeError;
#[cfg(feature = "push")]
pub use self::push::{PushError, PushGateway};
#[cfg(feature = "axum")]
pub use self::serve::MetricsServer;
