//! Compares what the encoders write with simple reference encoders, on pseudorandom values.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::number::push_float;
#[cfg(feature = "axum")]
use super::page::Page;
use super::text_format::Format;
use crate::Metrics;
use crate::family::openmetrics_float;

/// Generates pseudorandom bits: `splitmix64`.
struct Random(u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.bits() % limit
    }

    /// Returns a text of up to `max_chars` characters, some of which need an escape.
    fn text(&mut self, max_chars: u64) -> String {
        const CHARS: [char; 12] = ['a', 'b', 'c', 'd', '-', '.', '/', 'é', ' ', '"', '\\', '\n'];
        // Most texts consist of plain characters.
        let kinds = if self.below(4) == 0 { 12 } else { 7 };
        let length = self.below(max_chars + 1);
        let chars = (0..length).map(|_| CHARS.into_iter().cycle().nth(self.index(kinds)));
        chars.map(Option::unwrap_or_default).collect()
    }

    fn index(&mut self, limit: u64) -> usize {
        usize::try_from(self.below(limit)).expect("the limit is small")
    }
}

#[expect(clippy::cast_precision_loss, reason = "the rounded number is a test value, too")]
fn to_f64(number: u64) -> f64 {
    number as f64
}

fn float_text(number: f64) -> String {
    let mut out = Vec::new();
    push_float(&mut out, number);
    String::from_utf8(out).expect("numbers are ASCII")
}

#[test]
fn floats_have_the_digits_of_the_standard_library() {
    let mut random = Random(1);
    for _ in 0..10_000 {
        let bits = random.bits();
        // Numbers of all lengths, because the length decides how a number is written.
        let whole = to_f64(bits >> (bits % 64));
        for number in [whole, whole / 1e9, whole / 1e6, whole / 1e12, f64::from_bits(bits)] {
            let bits = number.to_bits();
            let neighbours = [bits.wrapping_add(1), bits.wrapping_sub(1)].map(f64::from_bits);
            for number in neighbours.into_iter().chain([number, -number]) {
                if number.is_finite() {
                    assert_eq!(float_text(number), number.to_string());
                }
            }
        }
    }
}

#[test]
fn floats_that_are_special_have_their_names() {
    for (number, expected) in [
        (0.0, "0"),
        (-0.0, "-0"),
        (f64::NAN, "NaN"),
        (f64::INFINITY, "+Inf"),
        (f64::NEG_INFINITY, "-Inf"),
        (1e-9, "0.000000001"),
        (1.5, "1.5"),
        (999_999.999_999_999, "999999.999999999"),
        (1e15, "1000000000000000"),
    ] {
        assert_eq!(float_text(number), expected);
    }
}

/// Upper bounds in seconds. Two have more digits than a bound usually has.
const BOUNDS: [f64; 7] = [0.000_000_1, 0.001, 0.1 + 0.2, 1.0, 2.5, 60.0, 1e29];

/// The values of each series, in nanoseconds, by the labels `endpoint` and `model`.
type Values = BTreeMap<[String; 2], Vec<u64>>;

/// Records pseudorandom values in an instance, and returns the values.
fn record(metrics: &Metrics, random: &mut Random) -> Values {
    let mut all = Values::new();
    for _ in 0..500 {
        let labels = [random.text(20), random.text(100)];
        let count = random.below(30);
        let values = (0..count).map(|_| random.bits() >> (20 + random.below(44)));
        all.entry(labels).or_default().extend(values);
    }
    let family = &metrics.instance().endpoints().families().inter_chunk;
    for ([endpoint, model], values) in &all {
        let series = family.series([&**endpoint, &**model]);
        for value in values {
            series.observe(*value);
        }
    }
    all
}

fn escaped(text: &str) -> String {
    text.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}

/// Encodes the samples of the histogram in the simplest way.
fn reference(all: &Values, format: Format) -> String {
    let mut out = String::new();
    let bound_text = |bound: f64| match format {
        Format::Text => bound.to_string(),
        Format::OpenMetrics => openmetrics_float(bound),
    };
    let name = "app_inter_chunk_seconds";
    for ([endpoint, model], values) in all {
        let labels = [("zone", "a\"b"), ("endpoint", endpoint), ("model", model)];
        let labels = labels.map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).join(",");
        for bound in BOUNDS {
            let count = values.iter().filter(|value| to_f64(**value) <= (bound * 1e9).round());
            let (count, bound) = (count.count(), bound_text(bound));
            let _ = writeln!(out, "{name}_bucket{{{labels},le=\"{bound}\"}} {count}");
        }
        let _ = writeln!(out, "{name}_bucket{{{labels},le=\"+Inf\"}} {}", values.len());
        let sum: u64 = values.iter().sum();
        let _ = writeln!(out, "{name}_sum{{{labels}}} {}", to_f64(sum) / 1e9);
        let _ = writeln!(out, "{name}_count{{{labels}}} {}", values.len());
    }
    out
}

/// Returns the lines of the samples of the histogram.
fn samples(page: &str) -> String {
    let lines = page.split_inclusive('\n');
    lines.filter(|line| line.starts_with("app_inter_chunk_seconds_")).collect()
}

#[test]
fn pages_of_histograms_are_those_of_a_simple_encoder() {
    let mut random = Random(2);
    let metrics = Metrics::builder()
        .label("zone", "a\"b")
        .buckets("inter_chunk_seconds", BOUNDS)
        .max_label_values(1_000)
        .build()
        .expect("the settings are valid");
    let all = record(&metrics, &mut random);
    for format in [Format::Text, Format::OpenMetrics] {
        let page = match format {
            Format::Text => metrics.encode_text(),
            Format::OpenMetrics => metrics.encode_openmetrics(),
        };
        let page = page.expect("no collector fails");
        assert_eq!(samples(&page), reference(&all, format), "{format:?}");
        #[cfg(feature = "axum")]
        assert_same_in_pieces(&metrics, format, &page);
    }
}

#[cfg(feature = "axum")]
fn assert_same_in_pieces(metrics: &Metrics, format: Format, expected: &str) {
    let mut page = Page::new(metrics.instance(), format, |_| true).expect("no collector fails");
    let pieces: Vec<Vec<u8>> = std::iter::from_fn(|| page.next_piece()).collect();
    assert!(pieces.len() > 3, "{} pieces", pieces.len());
    assert_eq!(String::from_utf8(pieces.concat()).as_deref(), Ok(expected));
}
