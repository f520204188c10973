//! The lines of a histogram.
//!
//! They make up most of a page: with 17 bounds, a series of a histogram has 20 lines. All of them
//! begin with the same name and labels, so these texts are joined once per series.

#[cfg(feature = "exemplars")]
use std::io::Write;

use super::number::{push_float, push_whole};
#[cfg(feature = "exemplars")]
use crate::family::Exemplar;
use crate::family::{HistogramSnapshot, PaddedText};

/// The length of the buffer for the lines of a series before any series is written.
const INITIAL_LENGTH: usize = 4 * 1024;

/// Writes the lines of histograms. The buffers are reused for all series of a page.
#[derive(Default)]
pub(super) struct HistogramLines {
    /// The lines of the current series, followed by unused bytes.
    lines: Vec<u8>,
    /// The names of the samples of the current family.
    sum_name: PaddedText<64>,
    count_name: PaddedText<64>,
    /// The name and labels of the current series, as they stand before the bound of a bucket.
    bucket_start: PaddedText<128>,
    /// The labels of the current series, as they stand between a name and a value.
    labels: PaddedText<128>,
    sum: PaddedText<32>,
    count: CountText,
    #[cfg(feature = "exemplars")]
    count_with_exemplar: PaddedText<192>,
}

/// A count and the end of its line.
#[derive(Default)]
struct CountText {
    text: PaddedText<32>,
    /// The count that `text` shows.
    count: Option<u64>,
}

impl CountText {
    /// Returns the text of a count. A bucket without values of its own has the same count as the
    /// bucket before it, so that the text often stays the same.
    fn get(&mut self, count: u64) -> &PaddedText<32> {
        if self.count != Some(count) {
            self.count = Some(count);
            self.text.set(|out| {
                push_whole(out, count);
                out.push(b'\n');
            });
        }
        &self.text
    }
}

impl HistogramLines {
    pub(super) fn start_family(&mut self, name: &str) {
        self.sum_name = format!("{name}_sum").into();
        self.count_name = format!("{name}_count").into();
    }

    /// Returns the lines of a series of the current family. `labels` has a comma after each label.
    pub(super) fn write(
        &mut self,
        name: &str,
        labels: &[u8],
        histogram: &HistogramSnapshot<'_>,
        is_openmetrics: bool,
    ) -> &[u8] {
        self.set_series(name, labels, histogram.sum);
        loop {
            if let Some(len) = self.write_lines(histogram, is_openmetrics) {
                return &self.lines[..len];
            }
            let longer = (2 * self.lines.len()).max(INITIAL_LENGTH);
            self.lines.resize(longer, 0);
        }
    }

    /// Writes the lines and returns their length, or `None` if the buffer is too short.
    fn write_lines(
        &mut self,
        histogram: &HistogramSnapshot<'_>,
        is_openmetrics: bool,
    ) -> Option<usize> {
        let Self { lines, count, .. } = self;
        let room = lines.len();
        let mut rest = &mut lines[..];
        let bounds = &histogram.bounds;
        let bounds = if is_openmetrics { &bounds.le_openmetrics } else { &bounds.le_text };
        for (bucket, (bound, cumulative)) in bounds.iter().zip(histogram.cumulative).enumerate() {
            rest = self.bucket_start.put(rest)?;
            rest = bound.put(rest)?;
            #[cfg(feature = "exemplars")]
            if is_openmetrics {
                if let Some((exemplar, value)) = (histogram.exemplar)(bucket) {
                    let text = &mut self.count_with_exemplar;
                    text.set(|out| push_with_exemplar(out, *cumulative, &exemplar, value));
                    rest = text.put(rest)?;
                    continue;
                }
            }
            #[cfg(not(feature = "exemplars"))]
            let _ = bucket;
            rest = count.get(*cumulative).put(rest)?;
        }
        rest = self.sum_name.put(rest)?;
        rest = self.labels.put(rest)?;
        rest = self.sum.put(rest)?;
        rest = self.count_name.put(rest)?;
        rest = self.labels.put(rest)?;
        rest = count.get(histogram.count).put(rest)?;
        Some(room - rest.len())
    }

    /// Sets the texts that belong to one series.
    fn set_series(&mut self, name: &str, labels: &[u8], sum: f64) {
        self.bucket_start.set(|out| {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"_bucket{");
            out.extend_from_slice(labels);
        });
        self.labels.set(|out| {
            if let Some((_comma, labels)) = labels.split_last() {
                out.push(b'{');
                out.extend_from_slice(labels);
                out.push(b'}');
            }
            out.push(b' ');
        });
        self.sum.set(|out| {
            push_float(out, sum);
            out.push(b'\n');
        });
    }
}

/// Appends a count with an exemplar, and the end of the line. The labels of the exemplar have 63
/// characters; `OpenMetrics` allows 128.
#[cfg(feature = "exemplars")]
fn push_with_exemplar(out: &mut Vec<u8>, count: u64, exemplar: &Exemplar, value: f64) {
    let Exemplar { trace_id, span_id, unix_millis, .. } = exemplar;
    let (seconds, millis) = (unix_millis / 1_000, unix_millis % 1_000);
    let _ = writeln!(
        out,
        "{count} # {{trace_id=\"{trace_id:032x}\",span_id=\"{span_id:016x}\"}} {value} {seconds}.{millis:03}"
    );
}
