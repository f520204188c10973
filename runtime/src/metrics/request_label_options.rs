//! The builder's options for a label that is taken from each request.

use http::Extensions;

use super::MetricsBuilder;
use super::request_label::{RequestLabel, RequestLabelSource};

impl MetricsBuilder {
    /// Adds a label to the request families whose value is taken from a request header.
    ///
    /// Only the allowed values are exported. Every other value becomes `other` and is counted in
    /// `metrics_overflow_total`. Without the header the label is empty. An instance can have one
    /// label that is taken from requests, either from a header or from an extension; by default it
    /// has none.
    ///
    /// # Examples
    ///
    /// ```
    /// use streamgauge::Metrics;
    ///
    /// let metrics = Metrics::builder()
    ///     .label_from_header("tier", "x-tier", ["free", "paid"])
    ///     .build()?;
    /// # Ok::<(), streamgauge::BuildError>(())
    /// ```
    pub fn label_from_header<V: Into<String>>(
        self,
        name: impl Into<String>,
        header: impl AsRef<str>,
        allowed: impl IntoIterator<Item = V>,
    ) -> Self {
        let source = RequestLabelSource::from_header(header.as_ref());
        self.add_request_label(name.into(), source, allowed)
    }

    /// Adds a label to the request families whose value is taken from a request extension of type
    /// `T`.
    ///
    /// A layer outside the metrics layer, such as authentication, inserts the extension. The
    /// allowed values work as in [`label_from_header`](Self::label_from_header).
    ///
    /// # Examples
    ///
    /// ```
    /// use streamgauge::Metrics;
    ///
    /// #[derive(Clone)]
    /// struct Tenant(String);
    ///
    /// impl AsRef<str> for Tenant {
    ///     fn as_ref(&self) -> &str {
    ///         &self.0
    ///     }
    /// }
    ///
    /// let metrics = Metrics::builder()
    ///     .label_from_extension::<Tenant, _>("tenant", ["acme", "initech"])
    ///     .build()?;
    /// # drop(Tenant(String::new()));
    /// # Ok::<(), streamgauge::BuildError>(())
    /// ```
    pub fn label_from_extension<T, V>(
        self,
        name: impl Into<String>,
        allowed: impl IntoIterator<Item = V>,
    ) -> Self
    where
        T: AsRef<str> + Send + Sync + 'static,
        V: Into<String>,
    {
        let value: fn(&Extensions) -> Option<&str> = |all| all.get::<T>().map(AsRef::as_ref);
        self.add_request_label(name.into(), RequestLabelSource::Extension(value), allowed)
    }

    fn add_request_label<V: Into<String>>(
        mut self,
        name: String,
        source: RequestLabelSource,
        allowed: impl IntoIterator<Item = V>,
    ) -> Self {
        let values = allowed.into_iter().map(|value| value.into().into_boxed_str()).collect();
        self.request_labels.push(RequestLabel { name, source, values });
        self
    }
}
