//! The stream series of one endpoint.

use std::sync::OnceLock;
use std::time::Duration;

use crate::family::{Batch, Counter, Families, Gauge, Histogram, RequestLabelValues, SeriesHandle};
use crate::outcome::StreamOutcome;

/// The stream series that have no label but the endpoint, the outcome, the error type and the
/// request labels.
pub(crate) struct StreamSeries {
    families: &'static Families,
    endpoint: &'static str,
    request_values: RequestLabelValues,
    pub(crate) active: SeriesHandle<Gauge>,
    pub(crate) chunks: SeriesHandle<Counter>,
    pub(crate) bytes: SeriesHandle<Counter>,
    duration: [OnceLock<SeriesHandle<Histogram>>; StreamOutcome::COUNT],
}

impl StreamSeries {
    pub(super) fn new(
        families: &'static Families,
        endpoint: &'static str,
        request_values: RequestLabelValues,
    ) -> Self {
        let active = families.active_streams.series([endpoint]);
        active.show();
        Self {
            families,
            endpoint,
            request_values,
            active,
            chunks: families.stream_chunks.series(request_values.with([endpoint])),
            bytes: families.stream_bytes.series(request_values.with([endpoint])),
            duration: [const { OnceLock::new() }; StreamOutcome::COUNT],
        }
    }

    pub(crate) fn duration(&self, outcome: StreamOutcome) -> &SeriesHandle<Histogram> {
        self.duration[outcome.index()].get_or_init(|| {
            let labels = self.request_values.with([self.endpoint, outcome.as_str()]);
            self.families.stream_duration.series(labels)
        })
    }

    /// Counts an error within a stream. Failed streams are rare, so the series is looked up each
    /// time.
    pub(crate) fn error(&self, error_type: &str) {
        self.families.stream_errors.series([self.endpoint, error_type]).add(1);
    }
}

/// The series of one endpoint and model about the timing of streams: the time to the first chunk,
/// and the time between chunks.
///
/// A series is created with its first value: the model of a stream is often known only after the
/// stream has begun, and series of the empty model would remain at zero.
pub(crate) struct PaceSeries {
    families: &'static Families,
    endpoint: &'static str,
    model: Box<str>,
    first_chunk: OnceLock<SeriesHandle<Histogram>>,
    gap: OnceLock<SeriesHandle<Histogram>>,
}

impl PaceSeries {
    pub(super) fn new(families: &'static Families, endpoint: &'static str, model: &str) -> Self {
        Self {
            families,
            endpoint,
            model: model.into(),
            first_chunk: OnceLock::new(),
            gap: OnceLock::new(),
        }
    }

    pub(crate) fn record_first_chunk(&self, time: Duration) {
        let new = || self.families.time_to_first_chunk.series([self.endpoint, &*self.model]);
        self.first_chunk.get_or_init(new).observe_duration(time);
    }

    /// Adds the time between two chunks to a batch, which [`flush_gaps`](Self::flush_gaps) records.
    #[inline]
    pub(crate) fn batch_gap(&self, batch: &mut Batch, time: Duration) {
        let new = || self.families.inter_chunk.series([self.endpoint, &*self.model]);
        self.gap.get_or_init(new).batch_duration(batch, time);
    }

    pub(crate) fn flush_gaps(&self, batch: &mut Batch) {
        // Without a series, no time has been added to the batch.
        if let Some(gap) = self.gap.get() {
            gap.flush(batch);
        }
    }
}
