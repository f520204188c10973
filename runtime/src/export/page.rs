//! All metrics of an instance, written.

use std::collections::{BTreeMap, BTreeSet, btree_map};

use prometheus::proto::{MetricFamily, MetricType};

use super::others::{is_readable, leave_out, write_other};
use super::text::{Format, Writer};
use crate::family::{AnyFamily, Families, SeriesKey, SeriesSink};
use crate::metrics::{GatherError, Metrics, RegistryNames, gather};

/// How long a piece of a page is, about, in bytes: enough to be quick, and nothing to hold for long.
#[cfg(feature = "axum")]
const PIECE: usize = 64 * 1024;

/// Why the metrics were not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// A collector that was registered beside our families panicked. The next attempt asks it again.
    #[error(
        "a collector registered beside the families panicked: {message}; mend it, or unregister it"
    )]
    CollectorPanicked {
        /// What it said.
        message: String,
    },
    /// A collector asks for the page that it is gathered for.
    #[error(
        "a collector registered beside the families asks for the page that it is gathered for: let it give \
         its own metrics alone"
    )]
    Nested,
}

impl Metrics {
    /// All metrics of the registry in the Prometheus text format 0.0.4.
    ///
    /// Families are sorted by name and series by their labels: without traffic two texts are the same, byte
    /// for byte. What other collectors of the registry give that no scraper could read (a name that is none,
    /// a label that comes twice, a name that is taken) is left out, and said so in a `tracing` event: it would
    /// cost the whole scrape. Timestamps are left out, too, and in the format of `OpenMetrics` what that does not know: a
    /// counter that is no number, the sum of a histogram with negative values.
    ///
    /// # Errors
    ///
    /// Our own families always encode; a collector registered beside them may panic.
    pub fn encode_text(&self) -> Result<String, EncodeError> {
        self.encode(Format::Text)
    }

    /// The same in the format of `OpenMetrics` 1.0.
    ///
    /// # Errors
    ///
    /// As [`encode_text`](Self::encode_text).
    pub fn encode_openmetrics(&self) -> Result<String, EncodeError> {
        self.encode(Format::OpenMetrics)
    }

    fn encode(&self, format: Format) -> Result<String, EncodeError> {
        let page = Page::new(self, format, |_| true)?.whole();
        // All of it was text before.
        Ok(String::from_utf8(page)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }
}

/// The families that are asked for, written piece by piece: between two pieces nothing is locked, and of our
/// own families nothing is held.
///
/// Each series is shown as it is when its turn comes.
pub(super) struct Page {
    metrics: Metrics,
    writer: Writer,
    families: btree_map::IntoIter<String, Source>,
    /// The family that has more series behind one.
    current: Option<(Source, SeriesKey)>,
    ended: bool,
}

impl Page {
    pub(super) fn new(
        metrics: &Metrics,
        format: Format,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Self, EncodeError> {
        let families = metrics.endpoints().families();
        let others = gather(metrics.registry(), Some(families)).map_err(|error| match error {
            GatherError::Panicked(message) => EncodeError::CollectorPanicked { message },
            GatherError::Nested => EncodeError::Nested,
        })?;
        let outer = metrics.outer();
        let ours = families.each().enumerate().map(|(place, family)| {
            let source = Source { kind: Some(family.kind()), ours: Some(place), others: None };
            (outer.name(&family.desc().fq_name).into_owned(), source)
        });
        let mut all: BTreeMap<String, Source> = ours.collect();
        let readable =
            |other: &MetricFamily| !RegistryNames::is_probe(other.name()) && is_readable(other);
        for other in others.into_iter().filter(readable) {
            let source = all.entry(other.name().to_owned()).or_default();
            let kind = *source.kind.get_or_insert(other.get_field_type());
            if other.get_field_type() == kind {
                source.others = Some(other);
            } else {
                leave_out(other.name(), "it is of another type than the family of its name");
            }
        }
        all.retain(|name, _| wanted(name));
        let writer = Writer::new(format, outer.labels());
        // Ours have their names, whatever another has.
        let own = all.iter().filter(|(_, source)| source.ours.is_some());
        let own = own.map(|(name, source)| writer.announced(name, source.kind()));
        let mut announced: BTreeSet<String> = own.collect();
        all.retain(|name, source| {
            let is_alone =
                source.ours.is_some() || announced.insert(writer.announced(name, source.kind()));
            if !is_alone {
                leave_out(name, "another family has its name in this format");
            }
            is_alone
        });
        let (metrics, families) = (metrics.clone(), all.into_iter());
        Ok(Self { metrics, writer, families, current: None, ended: false })
    }

    /// All of it.
    pub(super) fn whole(mut self) -> Vec<u8> {
        while !self.ended {
            self.write(usize::MAX);
        }
        self.writer.take()
    }

    /// What comes next; nothing more behind the end.
    #[cfg(feature = "axum")]
    pub(super) fn piece(&mut self) -> Option<Vec<u8>> {
        if self.ended {
            return None;
        }
        self.write(PIECE);
        Some(self.writer.take())
    }

    /// Whether there is nothing more.
    #[cfg(feature = "axum")]
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Writes up to so many bytes, and to the end of the series, or of the family of another collector, whose turn
    /// it is then.
    fn write(&mut self, most: usize) {
        let Self { metrics, writer, families, current, ended } = self;
        let ours = metrics.endpoints().families();
        writer.until(most);
        while !writer.is_full() {
            let (source, after) = if let Some((source, last)) = current.take() {
                (source, Some(last))
            } else if let Some((name, source)) = families.next() {
                writer.family(&name, source.help(ours), source.kind());
                (source, None)
            } else {
                writer.finish();
                *ended = true;
                return;
            };
            match source.own(ours).and_then(|family| family.visit(after, writer)) {
                Some(last) => *current = Some((source, last)),
                None => source.others.iter().for_each(|others| write_other(writer, others)),
            }
        }
    }
}

/// Where the series of a family come from: another instance in the same registry may have some, too.
#[derive(Default)]
struct Source {
    kind: Option<MetricType>,
    /// The place among our families.
    ours: Option<usize>,
    others: Option<MetricFamily>,
}

impl Source {
    fn kind(&self) -> MetricType {
        self.kind.unwrap_or(MetricType::UNTYPED)
    }

    fn own<'a>(&self, ours: &'a Families) -> Option<&'a dyn AnyFamily> {
        self.ours.and_then(|place| ours.each().nth(place))
    }

    fn help<'a>(&'a self, ours: &'a Families) -> &'a str {
        let others = self.others.as_ref().map(MetricFamily::help);
        self.own(ours).map(|family| &*family.desc().help).or(others).unwrap_or_default()
    }
}
