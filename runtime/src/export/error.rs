//! The error of encoding a metrics page.

/// Error returned by [`Metrics::encode_text`](crate::Metrics::encode_text) and
/// [`Metrics::encode_openmetrics`](crate::Metrics::encode_openmetrics): a collector that the
/// application has registered failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// Another collector in the registry panicked. The next page calls the collector again.
    #[error("another collector in the registry panicked: {message}; correct or unregister it")]
    CollectorPanicked {
        /// The message of the panic.
        message: String,
    },
    /// A collector in the registry encodes the metrics from its own `collect`.
    #[error(
        "a collector in the registry encodes the metrics from its own `collect`: return only its \
         own families there"
    )]
    Nested,
}
