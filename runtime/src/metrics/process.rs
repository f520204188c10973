//! What the process takes, as the operating system tells it.

use prometheus::Registry;

use crate::family::Layout;

/// Whether the metrics of the process have the names that they have everywhere, or the prefix.
#[derive(Clone, Copy, Debug)]
pub(super) enum ProcessNames {
    Plain,
    Prefixed,
}

#[cfg(not(target_os = "linux"))]
impl ProcessNames {
    /// `prometheus` has no collector for this system.
    pub(super) fn register(self, _: &Layout, _: &Registry) -> prometheus::Result<()> {
        Ok(())
    }
}

#[cfg(target_os = "linux")]
impl ProcessNames {
    pub(super) fn register(self, layout: &Layout, registry: &Registry) -> prometheus::Result<()> {
        linux::register(self, layout, registry)
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::process;

    use parking_lot::Mutex;
    use prometheus::core::{Collector, Desc};
    use prometheus::process_collector::{ProcessCollector, pid_t};
    use prometheus::{Error, Registry, proto};

    use super::ProcessNames;
    use crate::family::Layout;

    pub(super) fn register(
        names: ProcessNames,
        layout: &Layout,
        registry: &Registry,
    ) -> prometheus::Result<()> {
        let namespace = match names {
            ProcessNames::Plain => "",
            ProcessNames::Prefixed => &layout.prefix,
        };
        let id = pid_t::try_from(process::id()).map_err(|error| Error::Msg(error.to_string()))?;
        // A description has them in the order in which they stand on the page.
        let (name, help) = ("process".to_owned(), "The process.".to_owned());
        let labels =
            Desc::new(name, help, Vec::new(), layout.constant.pairs.iter().cloned().collect())?
                .const_label_pairs;
        let collector = ProcessCollector::new(id, namespace);
        registry.register(Box::new(Labelled { collector, labels, collecting: Mutex::new(()) }))
    }

    /// `prometheus`' collector, which knows no constant labels.
    struct Labelled {
        collector: ProcessCollector,
        labels: Vec<proto::LabelPair>,
        /// Two that collect at once would both add the processor time since the last time.
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
