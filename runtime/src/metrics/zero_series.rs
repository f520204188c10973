//! The series that exist before the first request.
//!
//! The linker gathers the call sites of the whole program, and before the first request it is not
//! known which layer serves a function. So an instance creates the series of all functions at zero
//! only if no other instance has a layer and could serve them. The instance decides once, at its
//! first request or when it is first exported with a layer, so that its pages do not depend on
//! instances that are created later. The global instance creates the series in any case, because it
//! records functions that run outside any request.

use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;

use super::lifetime::retire_unused;
use crate::family::FamilyCollector;
use crate::series::Endpoints;

/// The number of instances that have a layer.
static INSTANCES_WITH_LAYER: AtomicUsize = AtomicUsize::new(0);

/// Returns whether any instance of the process has a layer.
#[inline]
pub(super) fn any_instance_has_layer() -> bool {
    INSTANCES_WITH_LAYER.load(Relaxed) != 0
}

/// Whether an instance has a layer, and whether it has decided about its series at zero.
pub(super) struct ZeroSeries {
    has_layer: AtomicBool,
    decided: Once,
}

impl ZeroSeries {
    pub(super) const fn new() -> Self {
        Self { has_layer: AtomicBool::new(false), decided: Once::new() }
    }

    /// Notes that a layer of the instance has been created. Returns whether it is the first one.
    pub(super) fn note_layer(&self) -> bool {
        let is_first = !self.has_layer.swap(true, Relaxed);
        if is_first {
            INSTANCES_WITH_LAYER.fetch_add(1, Relaxed);
        }
        is_first
    }

    /// Creates the series if this instance is the only one with a layer. Decides on the first call
    /// only.
    pub(super) fn decide(&self, endpoints: &'static Endpoints) {
        if !self.decided.is_completed() && self.has_layer.load(Relaxed) {
            self.decided.call_once(|| {
                retire_unused();
                if INSTANCES_WITH_LAYER.load(Relaxed) == 1 {
                    endpoints.declare();
                }
            });
        }
    }

    /// Takes the instance out of the number of instances that have a layer.
    pub(super) fn note_retired(&self) {
        if self.has_layer.swap(false, Relaxed) {
            INSTANCES_WITH_LAYER.fetch_sub(1, Relaxed);
        }
    }

    /// Creates the series.
    pub(super) fn create(&self, endpoints: &'static Endpoints) {
        self.decided.call_once(|| endpoints.declare());
    }
}

/// The collector of the families of an instance, which first creates their series at zero.
pub(super) struct WithZeroSeries {
    pub(super) families: FamilyCollector,
    pub(super) endpoints: &'static Endpoints,
    pub(super) zero_series: &'static ZeroSeries,
}

impl Collector for WithZeroSeries {
    fn desc(&self) -> Vec<&Desc> {
        self.families.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.zero_series.decide(self.endpoints);
        self.families.collect()
    }
}
