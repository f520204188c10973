//! The builder's options for the registry.

use prometheus::Registry;

use super::MetricsBuilder;

impl MetricsBuilder {
    /// Sets the registry that the families are registered in. By default each instance has a new
    /// registry.
    ///
    /// Use this if the application already has a registry, of the version of the crate `prometheus`
    /// that [`streamgauge::prometheus`](crate::prometheus) is. If that registry was made with
    /// `Registry::new_custom`, also repeat its prefix and labels with
    /// [`registry_prefix`](Self::registry_prefix) and [`registry_label`](Self::registry_label): a
    /// registry does not give access to them, and the pages of this crate would lack them.
    ///
    /// When the last clone of the instance is dropped, its families leave the registry, and another
    /// instance can take their names. Layers, their services, endpoints and pages in progress count
    /// as clones. The registry remembers the label names of each metric name for ever, so the other
    /// instance needs the same names of constant labels and request labels, or another prefix.
    ///
    /// # Examples
    ///
    /// ```
    /// use streamgauge::Metrics;
    /// use streamgauge::prometheus::Registry;
    ///
    /// let labels = [("zone".to_owned(), "a".to_owned())].into();
    /// let registry = Registry::new_custom(Some("corp".to_owned()), Some(labels))?;
    /// let metrics = Metrics::builder()
    ///     .registry(registry)
    ///     .registry_prefix("corp")
    ///     .registry_label("zone", "a")
    ///     .build_info([("version", "1.2.3")])
    ///     .build()?;
    /// let page = metrics.encode_text()?;
    /// assert!(page.contains("corp_app_build_info{version=\"1.2.3\",zone=\"a\"} 1"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn registry(mut self, registry: Registry) -> Self {
        self.registry = Some(registry);
        self
    }

    /// States the prefix that the registry itself adds to all names: the first argument of
    /// `Registry::new_custom`. By default it is empty.
    ///
    /// This does not change the registry, and is valid only together with
    /// [`registry`](Self::registry).
    pub fn registry_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.registry_prefix = prefix.into();
        self
    }

    /// States a label that the registry itself adds to all series: an entry of the second argument
    /// of `Registry::new_custom`. By default there is none.
    ///
    /// This does not change the registry, and is valid only together with
    /// [`registry`](Self::registry). The option may be used several times, with different names.
    pub fn registry_label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.registry_labels.push((name.into(), value.into()));
        self
    }
}
