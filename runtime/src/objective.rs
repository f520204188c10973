//! Objectives: which share of an endpoint's requests has to succeed, and how fast.

use std::time::Duration;

/// The objectives of an endpoint.
///
/// An objective states which share of the requests of an endpoint, in per cent, has to meet a
/// condition over 30 days. The other requests are its error budget. From objectives,
/// [`Metrics::monitoring`](crate::Metrics::monitoring) writes rules and alerts: an alert fires when
/// the budget is used up much faster than it should be.
///
/// Cancelled requests count neither for nor against an objective.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use streamgauge::{Metrics, Objective};
///
/// let objective = Objective::new()
///     .success(99.9)
///     .latency(Duration::from_millis(250), 99.0)
///     .first_token(Duration::from_secs(1), 95.0);
/// let metrics = Metrics::builder().objective("/items/{id}", objective).build()?;
/// # Ok::<(), streamgauge::BuildError>(())
/// ```
#[cfg(feature = "monitoring")]
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Objective {
    goals: Vec<Goal>,
}

/// One condition of an objective, and the share of the requests that has to meet it.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Goal {
    pub(crate) condition: Condition,
    /// Above 0 and below 100.
    pub(crate) percent: f64,
}

impl Goal {
    /// The goal of the argument `success`.
    #[must_use]
    pub const fn success(percent: f64) -> Self {
        Self { condition: Condition::Success, percent }
    }

    /// The goal of the argument `latency`.
    #[must_use]
    pub const fn latency(nanoseconds: u64, percent: f64) -> Self {
        Self { condition: Condition::Latency(Duration::from_nanos(nanoseconds)), percent }
    }

    /// The goal of the argument `first_token`.
    #[must_use]
    pub const fn first_token(nanoseconds: u64, percent: f64) -> Self {
        Self { condition: Condition::FirstToken(Duration::from_nanos(nanoseconds)), percent }
    }
}

/// What a request has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Condition {
    /// The request does not fail through a fault of the server.
    Success,
    /// The request takes at most this time.
    Latency(Duration),
    /// The first token comes within this time.
    FirstToken(Duration),
}

#[cfg(feature = "monitoring")]
impl Condition {
    /// Returns the histogram that shows whether requests meet the condition, without prefix, and
    /// the time that has to be the bound of one of its buckets.
    pub(crate) fn bound(self) -> Option<(&'static str, Duration)> {
        match self {
            Self::Success => None,
            Self::Latency(time) => Some(("http_request_duration_seconds", time)),
            Self::FirstToken(time) => Some(("time_to_first_token_seconds", time)),
        }
    }
}

/// Returns a time in seconds, as the float that is nearest to its decimal. `Duration::as_secs_f64`
/// rounds twice, so 1.118 s would not equal a bound of 1.118.
#[cfg(feature = "monitoring")]
pub(crate) fn seconds(time: Duration) -> f64 {
    let decimal = format!("{}.{:09}", time.as_secs(), time.subsec_nanos());
    decimal.parse().unwrap_or(time.as_secs_f64())
}

#[cfg(feature = "monitoring")]
impl Objective {
    /// Returns an objective without conditions.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the share of the requests, in per cent, that must not fail through a fault of the
    /// server.
    pub fn success(self, percent: f64) -> Self {
        self.with(Condition::Success, percent)
    }

    /// Sets the share of the requests, in per cent, that has to take at most `time`. A stream
    /// counts to its response head. `time` has to be the bound of a bucket of
    /// `http_request_duration_seconds`. The method may be used again with another time.
    pub fn latency(self, time: Duration, percent: f64) -> Self {
        self.with(Condition::Latency(time), percent)
    }

    /// Sets the share of the streamed replies, in per cent, whose first token has to come within
    /// `time` after the arrival of the request. `time` has to be the bound of a bucket of
    /// `time_to_first_token_seconds`.
    pub fn first_token(self, time: Duration, percent: f64) -> Self {
        self.with(Condition::FirstToken(time), percent)
    }

    fn with(mut self, condition: Condition, percent: f64) -> Self {
        self.goals.push(Goal { condition, percent });
        self
    }

    pub(crate) fn goals(&self) -> &[Goal] {
        &self.goals
    }
}
