//! The stream series of one endpoint.

use std::sync::{Arc, OnceLock};

use crate::family::{Counter, Families, Gauge, Histogram, SeriesHandle};
use crate::outcome::StreamOutcome;

/// The stream series that have no label but the endpoint, the outcome or the error type.
pub(crate) struct StreamSeries {
    families: Arc<Families>,
    endpoint: Arc<str>,
    pub(crate) active: SeriesHandle<Gauge>,
    pub(crate) chunks: SeriesHandle<Counter>,
    pub(crate) bytes: SeriesHandle<Counter>,
    duration: [OnceLock<SeriesHandle<Histogram>>; StreamOutcome::COUNT],
}

impl StreamSeries {
    pub(super) fn new(families: &Arc<Families>, endpoint: &Arc<str>) -> Self {
        let active = families.active_streams.series([&**endpoint]);
        active.show();
        Self {
            families: Arc::clone(families),
            endpoint: Arc::clone(endpoint),
            active,
            chunks: families.stream_chunks.series([&**endpoint]),
            bytes: families.stream_bytes.series([&**endpoint]),
            duration: [const { OnceLock::new() }; StreamOutcome::COUNT],
        }
    }

    pub(crate) fn duration(&self, outcome: StreamOutcome) -> &SeriesHandle<Histogram> {
        self.duration[outcome.index()].get_or_init(|| {
            self.families.stream_duration.series([&*self.endpoint, outcome.as_str()])
        })
    }

    /// Counts an error within a stream. Failed streams are rare, so the series is looked up each
    /// time.
    pub(crate) fn error(&self, error_type: &str) {
        self.families.stream_errors.series([&*self.endpoint, error_type]).add(1);
    }
}

/// The series of one endpoint and model about the timing of streams: the time to the first chunk
/// and to the first token, and the time between chunks and between tokens.
pub(crate) struct PaceSeries {
    families: Arc<Families>,
    endpoint: Arc<str>,
    model: Box<str>,
    pub(crate) first_chunk: SeriesHandle<Histogram>,
    /// The time between two chunks.
    pub(crate) gap: SeriesHandle<Histogram>,
    first_token: OnceLock<SeriesHandle<Histogram>>,
    output_token: OnceLock<SeriesHandle<Histogram>>,
}

impl PaceSeries {
    pub(super) fn new(families: &Arc<Families>, endpoint: &Arc<str>, model: &str) -> Self {
        Self {
            families: Arc::clone(families),
            endpoint: Arc::clone(endpoint),
            model: model.into(),
            first_chunk: families.time_to_first_chunk.series([&**endpoint, model]),
            gap: families.inter_chunk.series([&**endpoint, model]),
            first_token: OnceLock::new(),
            output_token: OnceLock::new(),
        }
    }

    /// Returns the series of the time to the first token. Only streams with a protocol have one.
    pub(crate) fn first_token(&self) -> &SeriesHandle<Histogram> {
        self.first_token.get_or_init(|| {
            self.families.time_to_first_token.series([&*self.endpoint, "", &*self.model])
        })
    }

    /// Returns the series of the time per output token. Only streams with a protocol and usage have
    /// one.
    pub(crate) fn output_token(&self) -> &SeriesHandle<Histogram> {
        self.output_token.get_or_init(|| {
            self.families.time_per_output_token.series([&*self.endpoint, "", &*self.model])
        })
    }
}
