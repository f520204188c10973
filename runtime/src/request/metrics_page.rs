//! Marks the responses of the metrics endpoint.

/// Marks a response of the metrics endpoint. Stored in the response's extensions.
///
/// The endpoint tells the innermost layer directly that the request is a scrape. Layers of other
/// instances around that one learn it from the response.
#[derive(Clone, Copy)]
pub(crate) struct MetricsPage;
