//! What stands beside the families where it is asked for: the build, and what the process takes.

use std::collections::HashMap;

use prometheus::{IntGauge, Opts, Registry};

use super::BuildError;
#[cfg(feature = "process")]
use super::process::ProcessNames;
use crate::family::Layout;

/// The settings of it, checked.
pub(super) struct Beside {
    /// All labels of the gauge.
    pub(super) build_info: Option<HashMap<String, String>>,
    #[cfg(feature = "process")]
    pub(super) process: Option<ProcessNames>,
}

impl Beside {
    /// Puts all of it into a registry, or nothing.
    pub(super) fn register(self, layout: &Layout, registry: &Registry) -> Result<(), BuildError> {
        let build_info = self.build_info.map(|labels| build_info(layout, labels)).transpose();
        let build_info = build_info.map_err(BuildError::Registry)?;
        if let Some(gauge) = &build_info {
            registry.register(Box::new(gauge.clone())).map_err(BuildError::Registry)?;
        }
        #[cfg(feature = "process")]
        if let Some(Err(error)) = self.process.map(|names| names.register(layout, registry)) {
            if let Some(gauge) = build_info {
                let _ = registry.unregister(Box::new(gauge));
            }
            return Err(BuildError::ProcessMetrics(error));
        }
        Ok(())
    }
}

fn build_info(layout: &Layout, labels: HashMap<String, String>) -> prometheus::Result<IntGauge> {
    let help = "Always 1; its labels tell which build is running.";
    let named = Opts::new("build_info", help).namespace(&layout.prefix);
    let gauge = IntGauge::with_opts(named.const_labels(labels))?;
    gauge.set(1);
    Ok(gauge)
}
