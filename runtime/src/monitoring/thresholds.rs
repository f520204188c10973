//! The thresholds of the alerts.

use std::time::Duration;

/// The thresholds of the alerts. The defaults suit interactive services. A share is a number
/// between 0 and 1.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use streamgauge::monitoring::Thresholds;
///
/// let thresholds = Thresholds::default()
///     .failures(0.02)
///     .latency(Duration::from_secs(1))
///     .cost_per_hour(50.0)
///     .cost_per_hour_of("tenant", 10.0);
/// # drop(thresholds);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Thresholds {
    pub(super) failures: f64,
    pub(super) requests_per_second: f64,
    pub(super) latency: Duration,
    pub(super) cancelled: f64,
    pub(super) stream_failures: f64,
    pub(super) first_token: Duration,
    pub(super) call_failures: f64,
    pub(super) calls_refused: f64,
    pub(super) limit_left: u64,
    pub(super) cost_per_hour: Option<f64>,
    /// By request label.
    pub(super) cost_per_hour_of: Vec<(String, f64)>,
    pub(super) metrics_file: Option<(String, Duration)>,
    pub(super) usage_missing: f64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            failures: 0.05,
            requests_per_second: 0.02,
            latency: Duration::from_millis(2_500),
            cancelled: 0.2,
            stream_failures: 0.05,
            first_token: Duration::from_secs(5),
            call_failures: 0.1,
            calls_refused: 0.05,
            limit_left: 10,
            cost_per_hour: None,
            cost_per_hour_of: Vec::new(),
            metrics_file: None,
            usage_missing: 0.05,
        }
    }
}

impl Thresholds {
    /// Returns the shares that are not between 0 and 1, each with the name of its method.
    pub(super) fn impossible_shares(&self) -> impl Iterator<Item = (&'static str, f64)> {
        let shares = [
            ("failures", self.failures),
            ("cancelled", self.cancelled),
            ("stream_failures", self.stream_failures),
            ("call_failures", self.call_failures),
            ("calls_refused", self.calls_refused),
            ("usage_missing", self.usage_missing),
        ];
        shares.into_iter().filter(|(_, share)| !(0.0..=1.0).contains(share))
    }

    /// Sets the share of the requests of an endpoint that may fail through a fault of the server.
    /// The default is 0.05.
    pub fn failures(self, share: f64) -> Self {
        Self { failures: share, ..self }
    }

    /// Sets how many requests per second an endpoint must have, so that the share of failures may
    /// fire an alert: one failed request at night is not an outage. The default is 0.02, which is
    /// six requests in five minutes.
    pub fn requests_per_second(self, requests: f64) -> Self {
        Self { requests_per_second: requests, ..self }
    }

    /// Sets the 99th percentile of the duration of requests. The default is 2.5 seconds. A time
    /// above the largest bound of the histogram counts as this bound.
    pub fn latency(self, p99: Duration) -> Self {
        Self { latency: p99, ..self }
    }

    /// Sets the share of the requests of an endpoint that clients may cancel. The default is 0.2.
    pub fn cancelled(self, share: f64) -> Self {
        Self { cancelled: share, ..self }
    }

    /// Sets the share of the streams of an endpoint that may fail. The default is 0.05.
    pub fn stream_failures(self, share: f64) -> Self {
        Self { stream_failures: share, ..self }
    }

    /// Sets the 95th percentile of the time to the first token. The default is 5 seconds. A time
    /// above the largest bound of the histogram counts as this bound.
    pub fn first_token(self, p95: Duration) -> Self {
        Self { first_token: p95, ..self }
    }

    /// Sets the share of the calls to a provider that may fail. The default is 0.1.
    pub fn call_failures(self, share: f64) -> Self {
        Self { call_failures: share, ..self }
    }

    /// Sets the share of the calls that a provider may refuse because of its rate limit or its
    /// load. The default is 0.05.
    pub fn calls_refused(self, share: f64) -> Self {
        Self { calls_refused: share, ..self }
    }

    /// Sets how many requests of a provider's rate limit have to be left. The default is 10.
    pub fn limit_left(self, requests: u64) -> Self {
        Self { limit_left: requests, ..self }
    }

    /// Sets how many US dollars all model calls together may cost per hour. Without this setting,
    /// there is no alert on the cost of all calls.
    pub fn cost_per_hour(self, dollars: f64) -> Self {
        Self { cost_per_hour: Some(dollars), ..self }
    }

    /// Sets how many US dollars the model calls of one value of a request label may cost per hour:
    /// those of one tenant, for example. Without this setting, there is no alert on the cost of a
    /// tenant.
    ///
    /// The method may be used once for each request label. A label that the instance does not have,
    /// or that alerts have for themselves (`severity`), is ignored, with a warning.
    pub fn cost_per_hour_of(mut self, request_label: impl Into<String>, dollars: f64) -> Self {
        let label = request_label.into();
        self.cost_per_hour_of.retain(|(known, _)| *known != label);
        self.cost_per_hour_of.push((label, dollars));
        self
    }

    /// Sets how old the metrics file of the program may become, which
    /// [`Metrics::spawn_file_writer`](crate::Metrics::spawn_file_writer) writes and node-exporter
    /// reads. `name` is the name of the file without its directory. Without this setting, there is
    /// no alert on the age of the file.
    pub fn metrics_file(self, name: impl Into<String>, age: Duration) -> Self {
        Self { metrics_file: Some((name.into(), age)), ..self }
    }

    /// Sets the share of the calls whose usage may be missing. The default is 0.05.
    pub fn usage_missing(self, share: f64) -> Self {
        Self { usage_missing: share, ..self }
    }
}
