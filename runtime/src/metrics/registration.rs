//! The collectors that an instance has registered.

use std::sync::Arc;

use parking_lot::Mutex;
use prometheus::Registry;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;

/// The registry of an instance, and the instance's collectors in it. Dropping this removes the
/// collectors from the registry.
pub(super) struct Registration {
    registry: Registry,
    /// If false, the collectors keep their names in the registry and collect nothing.
    is_enabled: bool,
    collectors: Mutex<Vec<SharedCollector>>,
}

impl Registration {
    pub(super) fn new(registry: Registry, is_enabled: bool) -> Self {
        Self { registry, is_enabled, collectors: Mutex::default() }
    }

    pub(super) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Adds a collector to the registry.
    pub(super) fn register(&self, collector: impl Collector + 'static) -> prometheus::Result<()> {
        let is_enabled = self.is_enabled;
        let collector = SharedCollector { collector: Arc::new(collector), is_enabled };
        self.registry.register(Box::new(collector.clone()))?;
        self.collectors.lock().push(collector);
        Ok(())
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        for collector in self.collectors.get_mut().drain(..) {
            // An error means that the user has removed the collector. A registry never forgets the
            // label names and help texts of a metric name.
            let _ = self.registry.unregister(Box::new(collector));
        }
    }
}

/// A collector that the registry and its owner share. `prometheus` identifies a collector that is
/// to be removed by its names.
#[derive(Clone)]
struct SharedCollector {
    collector: Arc<dyn Collector>,
    is_enabled: bool,
}

impl Collector for SharedCollector {
    fn desc(&self) -> Vec<&Desc> {
        self.collector.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        if self.is_enabled { self.collector.collect() } else { Vec::new() }
    }
}
