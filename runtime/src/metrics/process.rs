//! Metrics of the process, which the operating system reports.

use super::registration::Registration;
use crate::family::FamilyOptions;

/// The names of the process metrics.
#[derive(Clone, Copy, Debug)]
pub(super) enum ProcessNames {
    /// The names that every Prometheus client uses, such as `process_open_fds`.
    Plain,
    /// The same names after the instance's prefix.
    Prefixed,
}

#[cfg(not(target_os = "linux"))]
impl ProcessNames {
    /// Registers nothing: `prometheus` has no collector for this operating system.
    pub(super) fn register(self, _: &FamilyOptions, _: &Registration) -> prometheus::Result<()> {
        Ok(())
    }
}

#[cfg(target_os = "linux")]
impl ProcessNames {
    pub(super) fn register(
        self,
        options: &FamilyOptions,
        registration: &Registration,
    ) -> prometheus::Result<()> {
        linux::register(self, options, registration)
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::process;

    use parking_lot::Mutex;
    use prometheus::core::{Collector, Desc};
    use prometheus::process_collector::{ProcessCollector, pid_t};
    use prometheus::{Error, proto};

    use super::{ProcessNames, Registration};
    use crate::family::FamilyOptions;

    pub(super) fn register(
        names: ProcessNames,
        options: &FamilyOptions,
        registration: &Registration,
    ) -> prometheus::Result<()> {
        let namespace = match names {
            ProcessNames::Plain => "",
            ProcessNames::Prefixed => &options.prefix,
        };
        let id = pid_t::try_from(process::id()).map_err(|error| Error::Msg(error.to_string()))?;
        // `Desc::new` sorts the labels by name, as a page needs them.
        let (name, help) = ("process".to_owned(), "The process.".to_owned());
        let labels = Desc::new(
            name,
            help,
            Vec::new(),
            options.const_labels.pairs.iter().cloned().collect(),
        )?
        .const_label_pairs;
        let collector = ProcessCollector::new(id, namespace);
        registration.register(Labelled { collector, labels, collecting: Mutex::new(()) })
    }

    /// The process collector of `prometheus`, with constant labels, which it does not support
    /// itself.
    struct Labelled {
        collector: ProcessCollector,
        labels: Vec<proto::LabelPair>,
        /// Serializes collections: two at the same time would both add the processor time since the
        /// previous collection.
        collecting: Mutex<()>,
    }

    impl Collector for Labelled {
        fn desc(&self) -> Vec<&Desc> {
            self.collector.desc()
        }

        fn collect(&self) -> Vec<proto::MetricFamily> {
            let mut families = {
                let _collecting = self.collecting.lock();
                self.collector.collect()
            };
            for metric in families.iter_mut().flat_map(|family| family.mut_metric().iter_mut()) {
                metric.set_label(self.labels.clone());
            }
            families
        }
    }
}
