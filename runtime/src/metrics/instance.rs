//! The data of an instance, which live until the process ends.

#[cfg(feature = "monitoring")]
use std::collections::HashMap;
use std::fmt;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock, Weak};

use http::Request;
use parking_lot::Mutex;

#[cfg(feature = "live")]
use super::LiveHub;
use super::RegistryNames;
#[cfg(feature = "axum")]
use super::ScrapeLimit;
use super::lifetime::Owner;
use super::request_label::RequestLabelSource;
use super::skip_rules::SkipRules;
use super::zero_series::ZeroSeries;
#[cfg(feature = "monitoring")]
use crate::family::{ConstLabels, default_buckets};
use crate::family::{Gauge, RequestLabelValues, RequestLabels};
#[cfg(feature = "monitoring")]
use crate::objective::Goal;
use crate::series::{Endpoints, warn_undeclared_label};

/// The number of undeclared request labels that an instance warns about.
const MAX_UNDECLARED_LABELS: usize = 16;

/// The data of an instance.
///
/// Requests reach the instance through a `&'static` reference, because a reference count that all
/// threads change for each request would cost more than all recording. So its memory is never
/// freed. `lifetime.rs` says when an instance leaves its registry.
pub(crate) struct Instance {
    /// Whether anything is recorded and exported.
    pub(super) is_enabled: bool,
    /// Whether there are neither rules for requests to skip nor request labels.
    pub(super) is_plain: bool,
    /// The number of services that layers have created, and of their clones.
    pub(super) services: Gauge,
    pub(super) endpoints: &'static Endpoints,
    /// Upgrades as long as the instance is in use.
    pub(super) owner: OnceLock<Weak<Owner>>,
    pub(super) skip_rules: SkipRules,
    /// The source of each request label, in the order of their declaration.
    pub(super) request_label_sources: Box<[RequestLabelSource]>,
    /// The names of undeclared labels that handlers have set. Each name is logged once.
    pub(super) undeclared_labels: Mutex<Vec<Box<str>>>,
    /// Whether the instance has a layer, and whether it has decided about its series at zero.
    pub(super) zero_series: &'static ZeroSeries,
    /// Whether layers mark the requests that they record, because there may be several layers
    /// around a request.
    pub(super) deduplicates: AtomicBool,
    pub(super) prefix: String,
    pub(super) registry_names: RegistryNames,
    #[cfg(feature = "monitoring")]
    pub(super) const_labels: ConstLabels,
    /// The bounds of histograms that differ from the default ones.
    #[cfg(feature = "monitoring")]
    pub(super) buckets: HashMap<&'static str, Vec<f64>>,
    /// The goals of endpoints.
    #[cfg(feature = "monitoring")]
    pub(super) goals: Vec<(Box<str>, Goal)>,
    #[cfg(feature = "axum")]
    pub(super) scrape_limit: ScrapeLimit,
    #[cfg(feature = "live")]
    pub(super) live_hub: LiveHub,
    /// The length of the last page that was encoded as a whole.
    pub(super) page_length: AtomicUsize,
}

impl Instance {
    /// Returns whether the instance records every request that has a route, and has no request
    /// labels: whether it need not look at the requests.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// Returns whether the instance records.
    pub(crate) fn is_enabled(&self) -> bool {
        self.is_enabled
    }

    /// Returns the owner, or `None` if the instance has left its registry. Requests that began
    /// before may still be in progress.
    pub(crate) fn owner(&self) -> Option<Arc<Owner>> {
        self.owner.get()?.upgrade()
    }

    /// Returns the prefix of all exported names, with its separator.
    #[cfg(any(feature = "live", feature = "monitoring"))]
    pub(crate) fn exported_prefix(&self) -> String {
        let separator = if self.prefix.is_empty() { "" } else { "_" };
        self.registry_names.exported_name(&format!("{}{separator}", self.prefix)).into_owned()
    }

    /// Returns the largest bound of a histogram, which is named without prefix.
    #[cfg(feature = "monitoring")]
    pub(crate) fn largest_bound(&self, family: &str) -> f64 {
        let bounds =
            self.buckets.get(family).map_or_else(|| default_buckets(family), Vec::as_slice);
        bounds.last().copied().unwrap_or(f64::INFINITY)
    }

    /// Returns the goals of endpoints.
    #[cfg(feature = "monitoring")]
    pub(crate) fn goals(&self) -> &[(Box<str>, Goal)] {
        &self.goals
    }

    /// Returns the labels that all exported series have.
    #[cfg(feature = "monitoring")]
    pub(crate) fn exported_labels(&self) -> impl Iterator<Item = (&str, &str)> {
        let own = self.const_labels.pairs.iter();
        let own = own.map(|(name, value)| (name.as_str(), value.as_str()));
        self.registry_names.pairs().chain(own)
    }

    /// Returns the prefix and the labels that the registry adds to everything in it.
    pub(crate) fn registry_names(&self) -> &RegistryNames {
        &self.registry_names
    }

    #[cfg(feature = "axum")]
    pub(crate) fn scrape_limit(&self) -> &ScrapeLimit {
        &self.scrape_limit
    }

    /// Returns the viewers of the live page.
    #[cfg(feature = "live")]
    pub(crate) fn live_hub(&self) -> &LiveHub {
        &self.live_hub
    }

    /// Returns the length of the last page that was encoded as a whole. The next page has about the
    /// same length.
    pub(crate) fn page_length(&self) -> &AtomicUsize {
        &self.page_length
    }

    pub(crate) fn endpoints(&self) -> &'static Endpoints {
        self.endpoints
    }

    /// Returns whether a request is served without being recorded. `route` returns the template of
    /// the route that it has matched.
    pub(crate) fn skips<B>(
        &self,
        request: &Request<B>,
        route: impl FnOnce(&Request<B>) -> Option<&str>,
    ) -> bool {
        self.skip_rules.matches(request, route)
    }

    /// Returns whether requests that match no route are not recorded.
    pub(crate) fn ignores_unmatched(&self) -> bool {
        self.skip_rules.unmatched
    }

    /// Returns the request labels of the instance.
    pub(crate) fn request_labels(&self) -> &RequestLabels {
        self.endpoints().families().request_labels()
    }

    /// Returns the values of the request labels that a request carries when it arrives.
    pub(crate) fn request_label_values<B>(&self, request: &Request<B>) -> RequestLabelValues {
        let sources = self.request_label_sources.iter().enumerate();
        sources.fold(RequestLabelValues::default(), |values, (index, source)| {
            values.set(index, self.request_labels().find(index, source.read(request)))
        })
    }

    /// Warns about a request label that a handler has set and the instance does not declare, once
    /// for each name.
    ///
    /// A `tracing` subscriber is user code, so the caller must not hold the scope of the request.
    pub(crate) fn warn_undeclared_label(&self, name: &str) {
        let is_new = {
            let mut known = self.undeclared_labels.lock();
            let is_new = known.len() < MAX_UNDECLARED_LABELS && !known.iter().any(|n| **n == *name);
            if is_new {
                known.push(name.into());
            }
            is_new
        };
        if is_new {
            warn_undeclared_label(name);
        }
    }

    /// Returns whether both are the same instance.
    pub(crate) fn is_same_instance(&self, other: &Self) -> bool {
        ptr::eq(self, other)
    }

    /// Records that a layer has been created, unless the instance is disabled. From the second
    /// layer on, requests are marked.
    pub(crate) fn note_layer(&self) {
        if self.is_enabled() && !self.zero_series.note_layer() {
            self.deduplicate_by_mark();
        }
    }

    /// Creates the series of all functions at zero, unless the instance is disabled.
    pub(super) fn create_zero_series(&self) {
        if self.is_enabled() {
            self.zero_series.create(self.endpoints());
        }
    }

    /// Creates the series of all functions at zero if no other instance can serve them. Called at
    /// the first request, and before the instance is exported.
    pub(crate) fn decide_zero_series(&self) {
        self.zero_series.decide(self.endpoints());
    }

    pub(crate) fn deduplicate_by_mark(&self) {
        self.deduplicates.store(true, Relaxed);
    }

    pub(crate) fn deduplicates_by_mark(&self) -> bool {
        self.deduplicates.load(Relaxed)
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}
