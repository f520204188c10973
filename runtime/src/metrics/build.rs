//! Builds an instance: validates the settings, and registers the families.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use parking_lot::Mutex;
use prometheus::{IntGauge, Opts, Registry};

#[cfg(feature = "axum")]
use super::ScrapeLimit;
#[cfg(feature = "process")]
use super::process::ProcessNames;
use super::request_label::RequestLabel;
use super::{BuildError, GLOBAL, Instance, Metrics, MetricsBuilder, SkipRules, validate};
use crate::family::{
    AllowedValues, ConstLabels, Families, FamilyCollector, FamilyGroup, FamilyOptions, LabelLimit,
    SeriesLimits,
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
    /// # Errors
    ///
    /// Returns a [`BuildError`] that names the first setting that is not valid and says how to
    /// correct it, or the name that is already taken in the registry.
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
        validate::prefix(&self.prefix)?;
        if self.max_scrapes == 0 {
            return Err(BuildError::MaxScrapes);
        }
        let skip_rules =
            SkipRules::new(&self.skip_paths, self.skip_methods, self.ignore_unmatched)?;
        let const_labels = validate::labels(self.labels)?;
        let request_labels =
            validate::request_labels(&self.request_labels, &const_labels, MAX_LABEL_VALUE_BYTES)?;
        let limits = SeriesLimits {
            labels: LabelLimit {
                max_values: self.max_label_values,
                max_bytes: MAX_LABEL_VALUE_BYTES,
            },
            endpoints: ENDPOINT_LIMIT,
            max_series: self.max_series,
            allowed: AllowedValues {
                models: validate::allowed("models", self.models)?,
                providers: validate::allowed("providers", self.providers)?,
            },
        };
        let prices = validate::prices(self.prices)?;
        let info = ProcessAndBuildInfo {
            build_info: validate::build_info(self.build_info, &const_labels)?,
            #[cfg(feature = "process")]
            process: self.process_metrics,
        };
        let user_labels = const_labels.keys().chain(info.build_info.iter().flat_map(HashMap::keys));
        let user_labels = user_labels.map(String::as_str).chain(request_labels.names()).collect();
        let registry_names = validate::registry_names(
            self.registry.is_some(),
            self.registry_prefix,
            self.registry_labels,
            &user_labels,
        )?;
        let registry = self.registry.unwrap_or_default();
        let options = FamilyOptions {
            const_labels: ConstLabels::new(const_labels),
            buckets: validate::buckets(self.buckets)?,
            limits: limits.clone(),
            prefix: self.prefix,
            group_status: self.group_status,
            request_labels: Arc::new(request_labels),
        };
        let families = Arc::new(Families::new(&options).map_err(BuildError::Registry)?);
        register(&families, FamilyGroup::Always, &registry)?;
        let endpoints = Endpoints::new(Arc::clone(&families), limits);
        let others = set_prices(&endpoints, prices, &registry)
            .and_then(|()| info.register(&options, &registry));
        if let Err(error) = others {
            // A failed build exports nothing. The registry still remembers the names' help texts
            // and labels, as it does after every removal.
            for group in [FamilyGroup::Always, FamilyGroup::Cost] {
                let _ = registry.unregister(collector(&families, group)?);
            }
            return Err(error);
        }
        endpoints.declare();
        Ok(Metrics(Arc::new(Instance {
            endpoints,
            registry,
            skip_rules,
            request_label_sources: self.request_labels.iter().map(RequestLabel::source).collect(),
            undeclared_labels: Mutex::new(Vec::new()),
            has_layer: AtomicBool::new(false),
            deduplicates: AtomicBool::new(false),
            prefix: options.prefix,
            registry_names,
            #[cfg(feature = "axum")]
            scrape_limit: ScrapeLimit::new(self.max_scrapes),
        })))
    }

    /// Builds an instance and makes it the global one, which [`Metrics::global`] returns.
    ///
    /// Call this once, at the start of `main`.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`build`](Self::build), and [`BuildError::AlreadyInstalled`] if the
    /// process already has a global instance. The first call of [`Metrics::global`] also creates
    /// the global instance; `PrometheusLayer::new` and recording outside any request call it.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use streamgauge::Metrics;
    ///
    /// fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///     let metrics = Metrics::builder().prefix("shop").install()?;
    ///     // … routes with `metrics.layer()` …
    ///     Ok(())
    /// }
    /// ```
    pub fn install(self) -> Result<&'static Metrics, BuildError> {
        // Checked before `build` as well, so that a failed call takes no names in the registry.
        if GLOBAL.get().is_some() {
            return Err(BuildError::AlreadyInstalled);
        }
        let metrics = self.build()?;
        GLOBAL.set(metrics).map_err(|_| BuildError::AlreadyInstalled)?;
        Ok(Metrics::global())
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
    /// Returns [`BuildError::Price`] if a price is not valid, and [`BuildError::Registry`] if the
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
        set_prices(self.endpoints(), validate::prices(prices)?, self.registry())
    }
}

/// Replaces the prices. The first ones add the families of cost to the registry.
fn set_prices(
    endpoints: &Endpoints,
    prices: PriceMap,
    registry: &Registry,
) -> Result<(), BuildError> {
    let families = endpoints.families();
    endpoints.prices().replace(prices, || {
        register(families, FamilyGroup::Cost, registry)?;
        families.show_cost();
        Ok(())
    })
}

/// Registers the families of a group.
fn register(
    families: &Arc<Families>,
    group: FamilyGroup,
    registry: &Registry,
) -> Result<(), BuildError> {
    registry.register(collector(families, group)?).map_err(BuildError::Registry)
}

fn collector(
    families: &Arc<Families>,
    group: FamilyGroup,
) -> Result<Box<FamilyCollector>, BuildError> {
    let collector = FamilyCollector::new(Arc::clone(families), group);
    collector.map(Box::new).map_err(BuildError::Registry)
}

/// The validated settings of the gauge `build_info` and of the process metrics.
struct ProcessAndBuildInfo {
    /// All labels of the gauge.
    build_info: Option<HashMap<String, String>>,
    #[cfg(feature = "process")]
    process: Option<ProcessNames>,
}

impl ProcessAndBuildInfo {
    /// Registers the gauge and the process metrics, or neither if an error is returned.
    fn register(self, options: &FamilyOptions, registry: &Registry) -> Result<(), BuildError> {
        let build_info =
            self.build_info.map(|labels| build_info_gauge(options, labels)).transpose();
        let build_info = build_info.map_err(BuildError::Registry)?;
        if let Some(gauge) = &build_info {
            registry.register(Box::new(gauge.clone())).map_err(BuildError::Registry)?;
        }
        #[cfg(feature = "process")]
        if let Some(Err(error)) = self.process.map(|names| names.register(options, registry)) {
            if let Some(gauge) = build_info {
                let _ = registry.unregister(Box::new(gauge));
            }
            return Err(BuildError::ProcessMetrics(error));
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
