//! Builds an instance: validates the settings, and registers the families.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use prometheus::{IntGauge, Opts, Registry};

#[cfg(feature = "axum")]
use super::ScrapeLimit;
#[cfg(feature = "process")]
use super::process::ProcessNames;
use super::request_label::RequestLabel;
use super::{BuildError, GLOBAL, Instance, Metrics, MetricsBuilder, SkipRules, validate};
use crate::family::{
    AllowedValues, ConstLabels, Families, FamilyCollector, FamilyOptions, LabelLimit, SeriesLimits,
};
use crate::series::Endpoints;

/// The longest value of the labels `model`, `provider`, `error_type` and `exception_type`, in
/// bytes.
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
        let request_label = validate::request_label(self.request_labels, &const_labels)?;
        let request_values = request_label.as_ref().map(RequestLabel::values).unwrap_or_default();
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
        let user_labels =
            user_labels.map(String::as_str).chain(request_values.name.as_deref()).collect();
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
            request_label: request_values.clone(),
            has_prices: !prices.is_empty(),
        };
        let families = Arc::new(Families::new(&options).map_err(BuildError::Registry)?);
        let collector = || {
            let collector = FamilyCollector::new(Arc::clone(&families));
            collector.map(Box::new).map_err(BuildError::Registry)
        };
        registry.register(collector()?).map_err(BuildError::Registry)?;
        if let Err(error) = info.register(&options, &registry) {
            // A failed build exports nothing. The registry still remembers the names' help texts
            // and labels, as it does after every removal.
            let _ = registry.unregister(collector()?);
            return Err(error);
        }
        let endpoints = Endpoints::new(families, limits, prices);
        endpoints.declare();
        Ok(Metrics(Arc::new(Instance {
            endpoints,
            registry,
            skip_rules,
            request_label: request_label.map(|label| (label.source, request_values)),
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
