//! The stream series of one endpoint.

use std::sync::{Arc, OnceLock};

use crate::family::{Counter, Families, Gauge, Histogram, RequestLabelValues, SeriesHandle};
use crate::outcome::StreamOutcome;

/// The stream series that have no label but the endpoint, the outcome, the error type and the
/// request labels.
pub(crate) struct StreamSeries {
    families: Arc<Families>,
    endpoint: Arc<str>,
    request_values: RequestLabelValues,
    pub(crate) active: SeriesHandle<Gauge>,
    pub(crate) chunks: SeriesHandle<Counter>,
    pub(crate) bytes: SeriesHandle<Counter>,
    duration: [OnceLock<SeriesHandle<Histogram>>; StreamOutcome::COUNT],
}

impl StreamSeries {
    pub(super) fn new(
        families: &Arc<Families>,
        endpoint: &Arc<str>,
        request_values: RequestLabelValues,
    ) -> Self {
        let active = families.active_streams.series([&**endpoint]);
        active.show();
        Self {
            families: Arc::clone(families),
            endpoint: Arc::clone(endpoint),
            request_values,
            active,
            chunks: families.stream_chunks.series(request_values.with([&**endpoint])),
            bytes: families.stream_bytes.series(request_values.with([&**endpoint])),
            duration: [const { OnceLock::new() }; StreamOutcome::COUNT],
        }
    }

    pub(crate) fn duration(&self, outcome: StreamOutcome) -> &SeriesHandle<Histogram> {
        self.duration[outcome.index()].get_or_init(|| {
            let labels = self.request_values.with([&*self.endpoint, outcome.as_str()]);
            self.families.stream_duration.series(labels)
        })
    }

    /// Counts an error within a stream. Failed streams are rare, so the series is looked up each
    /// time.
    pub(crate) fn error(&self, error_type: &str) {
        self.families.stream_errors.series([&*self.endpoint, error_type]).add(1);
    }
}

/// The series of one endpoint and model about the timing of streams: the time to the first chunk,
/// and the time between chunks.
pub(crate) struct PaceSeries {
    pub(crate) first_chunk: SeriesHandle<Histogram>,
    /// The time between two chunks.
    pub(crate) gap: SeriesHandle<Histogram>,
}

impl PaceSeries {
    pub(super) fn new(families: &Arc<Families>, endpoint: &Arc<str>, model: &str) -> Self {
        Self {
            first_chunk: families.time_to_first_chunk.series([&**endpoint, model]),
            gap: families.inter_chunk.series([&**endpoint, model]),
        }
    }
}
