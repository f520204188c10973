//! Builds an instance: validates the settings, and registers the families.

use std::collections::HashMap;
use std::env;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use prometheus::{IntGauge, Opts};

#[cfg(feature = "live")]
use super::LiveHub;
#[cfg(feature = "axum")]
use super::ScrapeLimit;
use super::lifetime::retire_unused;
#[cfg(feature = "process")]
use super::process::ProcessNames;
use super::registration::Registration;
use super::request_label::RequestLabel;
use super::skip_rules::SkipRules;
use super::validate::{self, Problems};
use super::zero_series::{WithZeroSeries, ZeroSeries};
use super::{BuildError, Instance, Metrics, MetricsBuilder};
use crate::family::{
    AllowedValues, ConstLabels, Families, FamilyCollector, FamilyGroup, FamilyOptions, Gauge,
    LabelLimit, SeriesLimits,
};
use crate::price::{PriceMap, Prices};
use crate::series::Endpoints;

/// The longest value of the labels `model`, `provider`, `error_type` and `exception_type`, and of
/// request labels, in bytes.
const MAX_LABEL_VALUE_BYTES: usize = 128;
/// The limit of the label `endpoint` in each family.
const ENDPOINT_LIMIT: LabelLimit = LabelLimit { max_values: 4096, max_bytes: 1024 };

impl MetricsBuilder {
    /// Builds an instance from these settings.
    ///
    /// This reads the environment variable `STREAMGAUGE_DISABLED`: see
    /// [`enabled`](Self::enabled).
    ///
    /// # Errors
    ///
    /// Returns a [`BuildError`] that names each setting that is not valid and says how to correct
    /// it. If all of them are valid, the error is a name that is already taken in the registry.
    /// Nothing is registered then.
    ///
    /// # Examples
    ///
    /// ```
    /// use streamgauge::{BuildError, Metrics};
    ///
    /// let metrics = Metrics::builder().prefix("shop").build()?;
    /// let refused = Metrics::builder().prefix("7shop").build();
    /// assert!(matches!(refused, Err(BuildError::Prefix { .. })));
    /// # Ok::<(), BuildError>(())
    /// ```
    pub fn build(self) -> Result<Metrics, BuildError> {
        let is_enabled = self.enabled && !is_disabled_by_environment();
        let mut problems = Problems::default();
        problems.check(validate::prefix(&self.prefix));
        if self.max_scrapes == 0 {
            problems.add(BuildError::MaxScrapes);
        }
        let skip_rules = SkipRules::new(
            self.skip_paths,
            self.skip_methods,
            self.ignore_unmatched,
            &mut problems,
        );
        let const_labels = validate::labels(self.labels, &mut problems);
        let request_labels = validate::request_labels(
            &self.request_labels,
            &const_labels,
            MAX_LABEL_VALUE_BYTES,
            &mut problems,
        );
        let limits = SeriesLimits {
            labels: label_limit(self.max_label_values),
            endpoints: ENDPOINT_LIMIT,
            max_series: self.max_series,
            allowed: AllowedValues {
                models: validate::allowed("models", self.models, &mut problems),
                providers: validate::allowed("providers", self.providers, &mut problems),
            },
        };
        let prices = validate::prices(self.prices, &mut problems);
        let info = ProcessAndBuildInfo {
            build_info: validate::build_info(self.build_info, &const_labels, &mut problems),
            #[cfg(feature = "process")]
            process: self.process_metrics,
        };
        let user_labels = const_labels.keys().chain(info.build_info.iter().flat_map(HashMap::keys));
        let user_labels = user_labels.map(String::as_str).chain(request_labels.names()).collect();
        let registry_names = validate::registry_names(
            self.registry.is_some(),
            &self.registry_prefix,
            self.registry_labels,
            &user_labels,
            &mut problems,
        );
        let buckets = validate::buckets(self.buckets, &self.prefix, &mut problems);
        #[cfg(feature = "monitoring")]
        let goals = {
            let constant = const_labels.keys().map(String::as_str);
            let labels = registry_names.pairs().map(|(name, _)| name).chain(constant);
            validate::objectives(&self.objectives, labels, &buckets, &mut problems)
        };
        problems.into_result()?;
        retire_unused();
        let options = FamilyOptions {
            const_labels: ConstLabels::new(const_labels),
            buckets,
            limits: limits.clone(),
            prefix: self.prefix,
            group_status: self.group_status,
            request_labels: Arc::new(request_labels),
        };
        let families = Families::new(&options).map_err(BuildError::Registry)?;
        let families: &'static Families = Box::leak(Box::new(families));
        let endpoints: &'static Endpoints = Box::leak(Box::new(Endpoints::new(families, limits)));
        let zero_series: &'static ZeroSeries = Box::leak(Box::new(ZeroSeries::new()));
        // If the build fails from here on, dropping the registration removes the names again.
        let registration = Registration::new(self.registry.unwrap_or_default(), is_enabled);
        let always = WithZeroSeries {
            families: collector(families, FamilyGroup::Always)?,
            endpoints,
            zero_series,
        };
        registration.register(always).map_err(BuildError::Registry)?;
        set_prices(endpoints, prices, &registration)?;
        info.register(&options, &registration)?;
        let instance = Box::leak(Box::new(Instance {
            is_enabled,
            is_plain: skip_rules.are_empty() && self.request_labels.is_empty(),
            services: Gauge::unlabelled(),
            endpoints,
            owner: OnceLock::new(),
            skip_rules,
            request_label_sources: self.request_labels.iter().map(RequestLabel::source).collect(),
            undeclared_labels: Mutex::new(Vec::new()),
            zero_series,
            deduplicates: AtomicBool::new(false),
            prefix: options.prefix,
            registry_names,
            #[cfg(feature = "monitoring")]
            const_labels: options.const_labels,
            #[cfg(feature = "monitoring")]
            buckets: options.buckets,
            #[cfg(feature = "monitoring")]
            goals,
            #[cfg(feature = "axum")]
            scrape_limit: ScrapeLimit::new(self.max_scrapes),
            #[cfg(feature = "live")]
            live_hub: LiveHub::new(self.max_viewers),
            page_length: AtomicUsize::new(0),
        }));
        Ok(Metrics::new(instance, registration))
    }
}

impl Metrics {
    /// Replaces the prices of all models while the program runs.
    ///
    /// Calls that end afterwards are recorded with the new prices. Cost that is already recorded
    /// stays as it is. Models without a price among the new ones are counted in
    /// `unpriced_calls_total` from then on. Calls may be recorded on other threads meanwhile: each
    /// of them uses either the old or the new prices.
    ///
    /// The first prices of an instance add the families `cost_usd_total` and
    /// `unpriced_calls_total`. Removing all prices later keeps them.
    ///
    /// # Errors
    ///
    /// Returns [`BuildError::Price`] if a price is not valid ([`BuildError::Several`] of them if
    /// there are several such prices), and [`BuildError::Registry`] if the
    /// registry has a metric with the name of one of the two families. The prices are unchanged
    /// then.
    ///
    /// # Examples
    ///
    /// ```
    /// use streamgauge::{Metrics, Price, Prices};
    ///
    /// let metrics = Metrics::builder().price("small-1", Price::per_million(0.20, 0.80)).build()?;
    /// // The provider has changed its prices:
    /// metrics.set_prices(Prices::new().price("small-1", Price::per_million(0.15, 0.60)))?;
    /// # Ok::<(), streamgauge::BuildError>(())
    /// ```
    ///
    /// A program can watch its price file and keep the old prices if the new file is not valid:
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// use streamgauge::{Metrics, Prices};
    ///
    /// fn reload_prices(metrics: &Metrics) -> Result<(), Box<dyn std::error::Error>> {
    ///     metrics.set_prices(Prices::from_file("prices.json")?)?;
    ///     Ok(())
    /// }
    ///
    /// # fn watch(metrics: Metrics) {
    /// std::thread::spawn(move || loop {
    ///     std::thread::sleep(Duration::from_secs(60));
    ///     if let Err(error) = reload_prices(&metrics) {
    ///         eprintln!("the old prices stay in use: {error}");
    ///     }
    /// });
    /// # }
    /// ```
    pub fn set_prices(&self, prices: Prices) -> Result<(), BuildError> {
        let mut problems = Problems::default();
        let prices = validate::prices(prices, &mut problems);
        problems.into_result()?;
        set_prices(self.instance.endpoints(), prices, &self.handle.0.registration)
    }
}

/// Returns the limit of the labels `model`, `provider`, `error_type` and `exception_type`.
fn label_limit(max_values: usize) -> LabelLimit {
    LabelLimit { max_values, max_bytes: MAX_LABEL_VALUE_BYTES }
}

/// Returns whether the environment variable that turns all instances off is set.
fn is_disabled_by_environment() -> bool {
    let value = env::var_os("STREAMGAUGE_DISABLED");
    value.is_some_and(|value| value == "1" || value.eq_ignore_ascii_case("true"))
}

/// Replaces the prices. The first ones add the families of cost to the registry.
fn set_prices(
    endpoints: &'static Endpoints,
    prices: PriceMap,
    registration: &Registration,
) -> Result<(), BuildError> {
    let families = endpoints.families();
    endpoints.prices().replace(prices, || {
        let cost = collector(families, FamilyGroup::Cost)?;
        registration.register(cost).map_err(BuildError::Registry)?;
        families.show_cost();
        Ok(())
    })
}

fn collector(
    families: &'static Families,
    group: FamilyGroup,
) -> Result<FamilyCollector, BuildError> {
    FamilyCollector::new(families, group).map_err(BuildError::Registry)
}

/// The validated settings of the gauge `build_info` and of the process metrics.
struct ProcessAndBuildInfo {
    /// All labels of the gauge.
    build_info: Option<HashMap<String, String>>,
    #[cfg(feature = "process")]
    process: Option<ProcessNames>,
}

impl ProcessAndBuildInfo {
    /// Registers the gauge and the process metrics.
    fn register(
        self,
        options: &FamilyOptions,
        registration: &Registration,
    ) -> Result<(), BuildError> {
        if let Some(labels) = self.build_info {
            let gauge = build_info_gauge(options, labels);
            let registered = gauge.and_then(|gauge| registration.register(gauge));
            registered.map_err(BuildError::Registry)?;
        }
        #[cfg(feature = "process")]
        if let Some(names) = self.process {
            names.register(options, registration).map_err(BuildError::ProcessMetrics)?;
        }
        Ok(())
    }
}

fn build_info_gauge(
    options: &FamilyOptions,
    labels: HashMap<String, String>,
) -> prometheus::Result<IntGauge> {
    let help = "Always 1. The labels identify the running build.";
    let opts = Opts::new("build_info", help).namespace(&options.prefix);
    let gauge = IntGauge::with_opts(opts.const_labels(labels))?;
    gauge.set(1);
    Ok(gauge)
}
