//! The resolved stream families of one endpoint.

use std::sync::{Arc, OnceLock};

use crate::family::{Counter, Families, Gauge, Histogram, SeriesHandle};
use crate::outcome::StreamOutcome;

/// What is recorded by endpoint alone.
pub(crate) struct StreamSeries {
    families: Arc<Families>,
    label: Arc<str>,
    pub(crate) active: SeriesHandle<Gauge>,
    pub(crate) chunks: SeriesHandle<Counter>,
    pub(crate) bytes: SeriesHandle<Counter>,
    duration: [OnceLock<SeriesHandle<Histogram>>; StreamOutcome::COUNT],
}

impl StreamSeries {
    pub(super) fn new(families: &Arc<Families>, label: &Arc<str>) -> Self {
        let active = families.active_streams.series(families, [label]);
        active.show();
        Self {
            families: Arc::clone(families),
            label: Arc::clone(label),
            active,
            chunks: families.stream_chunks.series(families, [label]),
            bytes: families.stream_bytes.series(families, [label]),
            duration: [const { OnceLock::new() }; StreamOutcome::COUNT],
        }
    }

    pub(crate) fn duration(&self, outcome: StreamOutcome) -> &SeriesHandle<Histogram> {
        self.duration[outcome.index()].get_or_init(|| {
            self.families.stream_duration.series(&self.families, [&self.label, outcome.as_str()])
        })
    }

    /// Counts an error within a stream. Streams that fail are rare: this looks the series up.
    pub(crate) fn error(&self, error_type: &str) {
        self.families.stream_errors.series(&self.families, [&self.label, error_type]).add(1);
    }
}

/// What is recorded by endpoint and model: how quickly a stream began, and how evenly it flows.
pub(crate) struct PaceSeries {
    families: Arc<Families>,
    label: Arc<str>,
    model: Box<str>,
    pub(crate) first_chunk: SeriesHandle<Histogram>,
    pub(crate) gap: SeriesHandle<Histogram>,
    first_token: OnceLock<SeriesHandle<Histogram>>,
    output_token: OnceLock<SeriesHandle<Histogram>>,
}

impl PaceSeries {
    pub(super) fn new(families: &Arc<Families>, label: &Arc<str>, model: &str) -> Self {
        Self {
            families: Arc::clone(families),
            label: Arc::clone(label),
            model: model.into(),
            first_chunk: families.time_to_first_chunk.series(families, [label, model]),
            gap: families.inter_chunk.series(families, [label, model]),
            first_token: OnceLock::new(),
            output_token: OnceLock::new(),
        }
    }

    /// Where a protocol is read: how long the first token took.
    pub(crate) fn first_token(&self) -> &SeriesHandle<Histogram> {
        let family = &self.families.time_to_first_token;
        self.first_token.get_or_init(|| family.series(&self.families, [&*self.label, &*self.model]))
    }

    /// Where usage is read, too: how long each of the others took.
    pub(crate) fn output_token(&self) -> &SeriesHandle<Histogram> {
        let family = &self.families.time_per_output_token;
        self.output_token
            .get_or_init(|| family.series(&self.families, [&*self.label, &*self.model]))
    }
}
