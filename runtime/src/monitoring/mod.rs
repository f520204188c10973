//! Dashboards, recording rules and alerts that fit the program.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use streamgauge::monitoring::Thresholds;
//! use streamgauge::{Metrics, Objective};
//!
//! let metrics = Metrics::builder()
//!     .prefix("shop")
//!     .objective("/items/{id}", Objective::new().success(99.9))
//!     .build()?;
//! let thresholds = Thresholds::default().latency(Duration::from_secs(1));
//! metrics.monitoring().thresholds(thresholds).write_to("monitoring")?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The linker gathers the attributes of the whole program, and the instance has a prefix, labels,
//! buckets and prices. So [`Metrics::monitoring`] writes queries only over families that the
//! program exports, under the names that the instance exports, and leaves out the rows and the
//! alerts of what the program does not have: streams, model calls, prices, request labels.

mod alerts;
mod burn_rate;
mod grafana;
mod label_values;
mod panel;
mod perses;
mod program;
mod query;
mod recording;
mod rows;
mod rules;
mod thresholds;

use std::fmt;
use std::fs;
use std::path::Path;

use self::panel::Row;
use self::program::Program;
use self::query::{INSTANCE, Names, series};
use self::rules::{Group, rule_file};
pub use self::thresholds::Thresholds;
use crate::export::{WriteError, replace};
use crate::metrics::{Instance, Metrics};

impl Metrics {
    /// Returns the dashboards, recording rules and alerts of the program, which
    /// [`Monitoring::write_to`] writes into files.
    ///
    /// # Examples
    ///
    /// ```
    /// use streamgauge::Metrics;
    ///
    /// let metrics = Metrics::builder().prefix("shop").build()?;
    /// let rules = metrics.monitoring().prometheus_rules();
    /// assert!(rules.contains("alert: 'ShopRequestsFailing'"));
    /// # Ok::<(), streamgauge::BuildError>(())
    /// ```
    #[must_use]
    pub fn monitoring(&self) -> Monitoring {
        let instance = self.instance();
        Monitoring {
            names: Names::new(
                instance.exported_prefix(),
                instance.exported_labels(),
                instance.request_labels().names(),
            ),
            program: Program::of(instance),
            thresholds: Thresholds::default(),
            instance,
        }
    }
}

/// The dashboards, recording rules and alerts of a program, created by [`Metrics::monitoring`].
pub struct Monitoring {
    names: Names,
    program: Program,
    thresholds: Thresholds,
    instance: &'static Instance,
}

impl fmt::Debug for Monitoring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitoring").finish_non_exhaustive()
    }
}

impl Monitoring {
    /// Sets the thresholds of the alerts.
    #[must_use]
    pub fn thresholds(self, thresholds: Thresholds) -> Self {
        for (label, _) in &thresholds.cost_per_hour_of {
            if let Some(reason) = alerts::cost_alert_problem(&self.names, label) {
                tracing::warn!(
                    target: "streamgauge",
                    label,
                    reason,
                    "there is no alert on the cost of this label"
                );
            }
        }
        for (name, value) in thresholds.impossible_shares() {
            tracing::warn!(
                target: "streamgauge",
                name,
                value,
                "a threshold is not a share between 0 and 1"
            );
        }
        Self { thresholds, ..self }
    }

    /// Returns a dashboard for Grafana 11 or later, in JSON, to import or to provision as a file.
    ///
    /// The dashboard has variables for the data source, the instances and the endpoints.
    #[must_use]
    pub fn grafana_dashboard(&self) -> String {
        let (name, title) = (self.name(), self.title());
        let dashboard = grafana::dashboard(&name, &title, &self.requests(), &self.rows());
        format!("{dashboard:#}\n")
    }

    /// Returns a dashboard for Perses, in JSON, with the panels of the Grafana dashboard. Its
    /// queries go to the default Prometheus data source of the Perses project.
    #[must_use]
    pub fn perses_dashboard(&self) -> String {
        let (name, title) = (self.name(), self.title());
        let dashboard = perses::dashboard(&name, &title, &self.requests(), &self.rows());
        format!("{dashboard:#}\n")
    }

    /// Returns the rows of a dashboard. Grafana and Perses write variables in the same way.
    fn rows(&self) -> Vec<Row> {
        let names = self.names.clone();
        let names = names.with_variable(INSTANCE, "=~\"$instance\"");
        let names = names.with_variable("endpoint", "=~\"$endpoint\"");
        let goals = burn_rate::shared_goals(self.instance.goals());
        rows::rows(&names, self.program, &goals, &self.thresholds, "$__rate_interval")
    }

    /// Returns the prefix without its separator, or the name of this crate.
    fn name(&self) -> String {
        let name = self.names.prefix().trim_end_matches('_');
        if name.is_empty() { "streamgauge" } else { name }.to_owned()
    }

    fn title(&self) -> String {
        format!("{}: metrics", self.name())
    }

    /// Returns the selector of all requests of the program.
    fn requests(&self) -> String {
        series!(self.names, http_requests).all()
    }

    /// Writes the rule file and the dashboards into a directory, which is created if it does not
    /// exist: `rules.yml`, `grafana.json` and `perses.json`. A file that exists is replaced as a
    /// whole.
    ///
    /// This blocks the thread, so call it before the program serves requests.
    ///
    /// # Errors
    ///
    /// Returns an error if the directory cannot be created, or a file cannot be written. Files that
    /// were written before stay.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use streamgauge::Metrics;
    ///
    /// let metrics = Metrics::builder().prefix("shop").build()?;
    /// metrics.monitoring().write_to("monitoring")?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_to(&self, directory: impl AsRef<Path>) -> Result<(), WriteError> {
        let directory = directory.as_ref();
        fs::create_dir_all(directory)
            .map_err(|source| WriteError::Io { path: directory.to_owned(), source })?;
        let files = [
            ("rules.yml", self.prometheus_rules()),
            ("grafana.json", self.grafana_dashboard()),
            ("perses.json", self.perses_dashboard()),
        ];
        for (name, text) in files {
            replace(&directory.join(name), text.as_bytes())?;
        }
        Ok(())
    }

    /// Returns a rule file for Prometheus, in YAML, to name in `rule_files` of its configuration.
    ///
    /// The recording rules sum over all processes. Each alert has a summary, a description and a
    /// link to the section of the guide that says what to do.
    #[must_use]
    pub fn prometheus_rules(&self) -> String {
        let Self { names, program, thresholds, instance } = self;
        let goals = burn_rate::shared_goals(instance.goals());
        let objectives = goals.iter().flat_map(|goal| goal.recording(names)).collect();
        let name = self.name();
        let groups = [
            Group { name: format!("{name}-recording"), rules: recording::rules(names, *program) },
            Group { name: format!("{name}-objectives"), rules: objectives },
            Group {
                name: format!("{name}-alerts"),
                rules: alerts::alerts(names, *program, thresholds, &goals),
            },
        ];
        rule_file("Written by streamgauge: Metrics::monitoring().prometheus_rules()", &groups)
    }
}

#[cfg(test)]
mod tests;
