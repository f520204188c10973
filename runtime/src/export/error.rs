//! The error of encoding a metrics page.

/// Error returned by [`Metrics::encode_text`](crate::Metrics::encode_text) and
/// [`Metrics::encode_openmetrics`](crate::Metrics::encode_openmetrics): a collector that the
/// application has registered failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// Another collector in the registry panicked. The next attempt calls it again.
    #[error("another collector in the registry panicked: {message}; correct or unregister it")]
    CollectorPanicked {
        /// The message of the panic.
        message: String,
    },
    /// Another collector in the registry encodes the metrics while it is gathered for them.
    #[error(
        "another collector in the registry encodes the metrics while it is gathered for them: let \
         it return its own metrics only"
    )]
    Nested,
}
