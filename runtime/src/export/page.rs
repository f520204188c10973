//! A metrics page: all families of an instance and of its registry.

use std::collections::{BTreeMap, BTreeSet, btree_map};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use prometheus::proto::{MetricFamily, MetricType};

use super::EncodeError;
use super::foreign::{gather, is_readable, log_left_out, write_foreign};
use super::text_format::{Format, TextWriter};
use crate::family::{AnyFamily, Families, SeriesKey, SeriesSink};
use crate::metrics::{Instance, Metrics, Owner};

/// The approximate length of one piece of a page, in bytes.
#[cfg(feature = "axum")]
const PIECE_LENGTH: usize = 64 * 1024;

impl Metrics {
    /// Encodes all metrics in the registry in the Prometheus text format 0.0.4.
    ///
    /// Families are sorted by name and series by their labels, so two pages without traffic between
    /// them are byte-identical.
    ///
    /// A family of another collector is left out, with a [`tracing`] event, if it would make a
    /// scraper reject the whole page: if a name is not valid, a series has a label twice, or the
    /// family's name is taken. Timestamps of other collectors are left out too.
    ///
    /// # Errors
    ///
    /// Returns an error if another collector in the registry panics, or encodes the metrics from
    /// its own `collect`.
    ///
    /// # Examples
    ///
    /// ```
    /// use streamgauge::Metrics;
    ///
    /// let page = Metrics::builder().build_info([("version", "1.2.3")]).build()?.encode_text()?;
    /// assert!(page.contains("app_build_info{version=\"1.2.3\"} 1"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn encode_text(&self) -> Result<String, EncodeError> {
        self.encode(Format::Text)
    }

    /// Encodes all metrics in the registry in the `OpenMetrics` format 1.0.
    ///
    /// The page has the content of [`encode_text`](Self::encode_text), with units and, with the
    /// feature `exemplars`, with exemplars. Values of other collectors that the format does not
    /// allow are left out: a counter that is negative or not a number, and the sum and count of a
    /// histogram with negative values.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`encode_text`](Self::encode_text).
    ///
    /// # Examples
    ///
    /// ```
    /// use streamgauge::Metrics;
    ///
    /// let page = Metrics::builder().build()?.encode_openmetrics()?;
    /// assert!(page.ends_with("# EOF\n"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn encode_openmetrics(&self) -> Result<String, EncodeError> {
        self.encode(Format::OpenMetrics)
    }

    fn encode(&self, format: Format) -> Result<String, EncodeError> {
        if !self.is_enabled() {
            return Ok(format.disabled_page().to_owned());
        }
        let page = Page::new(self.instance(), format, |_| true)?.into_bytes();
        // Only text was written.
        Ok(String::from_utf8(page)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }
}

/// A page that is written piece by piece.
///
/// Between two pieces nothing is locked, and no copy of our own families is kept in memory. Each
/// series is exported with its value at the moment when it is written.
pub(super) struct Page {
    instance: &'static Instance,
    /// Keeps the instance in its registry while the page is written.
    _owner: Option<Arc<Owner>>,
    writer: TextWriter,
    families: btree_map::IntoIter<String, FamilySources>,
    /// The family that is partly written, and its last written series.
    current: Option<(FamilySources, SeriesKey)>,
    ended: bool,
}

impl Page {
    /// Gathers the families of other collectors, and selects the families whose name is wanted.
    pub(super) fn new(
        instance: &'static Instance,
        format: Format,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<Self, EncodeError> {
        instance.decide_zero_series();
        let families = instance.endpoints().families();
        let owner = instance.owner();
        let foreign = match &owner {
            Some(owner) => gather(owner.registry(), families)?,
            None => Vec::new(),
        };
        let registry_names = instance.registry_names();
        let own = families.shown().map(|(index, family)| {
            let sources =
                FamilySources { kind: Some(family.metric_type()), own: Some(index), foreign: None };
            (registry_names.exported_name(&family.desc().fq_name).into_owned(), sources)
        });
        let mut all: BTreeMap<String, FamilySources> = own.collect();
        for family in foreign.into_iter().filter(is_readable) {
            let sources = all.entry(family.name().to_owned()).or_default();
            let kind = *sources.kind.get_or_insert(family.get_field_type());
            if family.get_field_type() == kind {
                sources.foreign = Some(family);
            } else {
                log_left_out(family.name(), "another family has the same name and another type");
            }
        }
        all.retain(|name, _| is_wanted(name));
        let writer = TextWriter::new(format, registry_names.labels());
        // Our own names come first, so that a foreign family cannot replace one of ours.
        let own = all.iter().filter(|(_, sources)| sources.own.is_some());
        let own = own.map(|(name, sources)| writer.announced_name(name, sources.kind()));
        let mut announced: BTreeSet<String> = own.map(str::to_owned).collect();
        all.retain(|name, sources| {
            let is_unique = sources.own.is_some()
                || announced.insert(writer.announced_name(name, sources.kind()).to_owned());
            if !is_unique {
                log_left_out(name, "another family has the same name in this format");
            }
            is_unique
        });
        let families = all.into_iter();
        Ok(Self { instance, _owner: owner, writer, families, current: None, ended: false })
    }

    /// Writes the whole page.
    pub(super) fn into_bytes(mut self) -> Vec<u8> {
        // A little more than the last page had: a buffer that has to grow is copied.
        let last_length = self.instance.page_length().load(Relaxed);
        self.writer.reserve(last_length + last_length / 16);
        while !self.ended {
            self.write(usize::MAX);
        }
        let page = self.writer.take();
        self.instance.page_length().store(page.len(), Relaxed);
        page
    }

    /// Writes the next piece. Returns `None` after the end.
    #[cfg(feature = "axum")]
    pub(super) fn next_piece(&mut self) -> Option<Vec<u8>> {
        if self.ended {
            return None;
        }
        self.write(PIECE_LENGTH);
        Some(self.writer.take())
    }

    /// Returns whether the whole page is written.
    #[cfg(feature = "axum")]
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Writes until the output has `limit` bytes. The series, or the foreign family, that passes
    /// the limit is finished first.
    fn write(&mut self, limit: usize) {
        let Self { instance, writer, families, current, ended, .. } = self;
        let own = instance.endpoints().families();
        writer.set_limit(limit);
        while !writer.is_full() {
            let (sources, after) = if let Some((sources, last)) = current.take() {
                (sources, Some(last))
            } else if let Some((name, sources)) = families.next() {
                writer.start_family(&name, sources.help(own), sources.kind());
                (sources, None)
            } else {
                writer.finish();
                *ended = true;
                return;
            };
            match sources.own(own).and_then(|family| family.write_series(after, writer)) {
                Some(last) => *current = Some((sources, last)),
                None => sources.foreign.iter().for_each(|family| write_foreign(writer, family)),
            }
        }
    }
}

/// The sources of a family's series. A family may have both: another instance in the same registry
/// has the same families.
#[derive(Default)]
struct FamilySources {
    kind: Option<MetricType>,
    /// The index among our families.
    own: Option<usize>,
    foreign: Option<MetricFamily>,
}

impl FamilySources {
    fn kind(&self) -> MetricType {
        self.kind.unwrap_or(MetricType::UNTYPED)
    }

    fn own<'a>(&self, families: &'a Families) -> Option<&'a dyn AnyFamily> {
        self.own.and_then(|index| families.get(index))
    }

    fn help<'a>(&'a self, families: &'a Families) -> &'a str {
        let foreign = self.foreign.as_ref().map(MetricFamily::help);
        self.own(families).map(|family| &*family.desc().help).or(foreign).unwrap_or_default()
    }
}
