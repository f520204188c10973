//! The builder's option for objectives.

use super::MetricsBuilder;
use crate::objective::Objective;

impl MetricsBuilder {
    /// Sets the objectives of an endpoint, from which
    /// [`Metrics::monitoring`](crate::Metrics::monitoring) writes rules and alerts.
    ///
    /// `endpoint` is the value of the label: the template of a route, or the name in an attribute.
    /// The option may be used several times.
    ///
    /// # Examples
    ///
    /// ```
    /// use streamgauge::{Metrics, Objective};
    ///
    /// let metrics = Metrics::builder()
    ///     .objective("/items/{id}", Objective::new().success(99.9))
    ///     .build()?;
    /// # Ok::<(), streamgauge::BuildError>(())
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "monitoring")))]
    pub fn objective(mut self, endpoint: impl Into<String>, objective: Objective) -> Self {
        self.objectives.push((endpoint.into(), objective));
        self
    }
}
