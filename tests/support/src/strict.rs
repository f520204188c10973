//! Checks metrics pages against every rule of their format.
//!
//! The checks are the union of those in Prometheus, its Python client, promtool and node-exporter,
//! each of which tolerates some violations.

use std::collections::{BTreeMap, BTreeSet};

use crate::saved_pages;

/// A format of a metrics page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text format 0.0.4.
    Text,
    /// `OpenMetrics` 1.0.
    OpenMetrics,
}

/// Checks a page, and saves it for the parsers of other projects if `STREAMGAUGE_PAGES` is set.
///
/// # Panics
///
/// If the page violates the format. The message names the violation and, where possible, the line.
pub fn check(page: &str, format: Format) {
    check_lines(page, format);
    saved_pages::save(page, format);
}

fn check_lines(page: &str, format: Format) {
    let mut families = Families { format, known: BTreeSet::new(), current: None };
    assert!(page.is_empty() || page.ends_with('\n'), "the last line has no newline");
    let page = match format {
        Format::Text => page,
        Format::OpenMetrics => {
            page.strip_suffix("# EOF\n").expect("an OpenMetrics page ends with `# EOF`")
        }
    };
    for line in page.split_terminator('\n') {
        assert!(!line.is_empty(), "the page has a blank line");
        match line.strip_prefix("# ") {
            Some(metadata) => families.metadata(metadata),
            None => families.sample(line),
        }
    }
    families.end();
}

struct Families {
    format: Format,
    known: BTreeSet<String>,
    current: Option<Family>,
}

struct Family {
    name: String,
    kind: Option<String>,
    unit: Option<String>,
    samples: BTreeMap<(String, BTreeMap<String, String>), f64>,
    /// Bounds and counts of each histogram's buckets, in page order.
    buckets: BTreeMap<BTreeMap<String, String>, Vec<(f64, f64)>>,
}

impl Families {
    fn metadata(&mut self, metadata: &str) {
        let mut parts = metadata.splitn(3, ' ');
        let (Some(keyword), Some(name), Some(text)) = (parts.next(), parts.next(), parts.next())
        else {
            panic!("neither HELP, TYPE nor UNIT: {metadata}");
        };
        assert!(is_name(name, true), "invalid family name: {name:?}");
        if self.current.as_ref().is_none_or(|family| family.name != name) {
            self.end();
            assert!(self.known.insert(name.to_owned()), "the lines of {name} are not contiguous");
            self.current = Some(Family {
                name: name.to_owned(),
                kind: None,
                unit: None,
                samples: BTreeMap::new(),
                buckets: BTreeMap::new(),
            });
        }
        let family = self.current.as_mut().expect("the family was just set");
        assert!(family.samples.is_empty(), "{metadata} follows samples");
        match keyword {
            "HELP" => drop(unescaped(text, self.format == Format::OpenMetrics)),
            "TYPE" => assert!(
                family.kind.replace(text.to_owned()).is_none(),
                "second TYPE line: {metadata}"
            ),
            "UNIT" => {
                assert_eq!(self.format, Format::OpenMetrics);
                assert!(name.ends_with(&format!("_{text}")), "{name} does not end with its unit");
                family.unit = Some(text.to_owned());
            }
            _ => panic!("neither HELP, TYPE nor UNIT: {metadata}"),
        }
    }

    fn sample(&mut self, line: &str) {
        let format = self.format;
        let family = self.current.as_mut().expect("a sample follows the metadata of its family");
        // Search for an exemplar only after the labels: a label value may contain " # ".
        let labels_end = line.find('{').map_or(0, |open| open + labels_end(&line[open..]));
        let (series, exemplar) = match line[labels_end..].find(" # ") {
            Some(at) if format == Format::OpenMetrics => {
                (&line[..labels_end + at], Some(&line[labels_end + at + 3..]))
            }
            _ => (line, None),
        };
        let (series, text) = series.rsplit_once(' ').expect("a sample has a value");
        assert!(
            !text.starts_with("inf") && text != "nan",
            "{text} is Rust's spelling, not Prometheus'"
        );
        let value: f64 = text.parse().unwrap_or_else(|_| panic!("invalid value: {line}"));
        let (name, labels) = labels(series);
        let kind =
            family.kind.as_deref().unwrap_or_else(|| panic!("sample without a TYPE line: {line}"));
        let suffix = name.strip_prefix(&family.name);
        let suffix = suffix.unwrap_or_else(|| panic!("{name} is not a sample of {}", family.name));
        let fits = match (kind, format) {
            ("counter", Format::OpenMetrics) => suffix == "_total",
            ("counter" | "gauge" | "untyped" | "unknown", _) => suffix.is_empty(),
            ("histogram", _) => matches!(suffix, "_bucket" | "_sum" | "_count"),
            ("summary", _) => matches!(suffix, "" | "_sum" | "_count"),
            _ => panic!("unknown type: {kind}"),
        };
        assert!(fits, "{name} is not a sample name of a {kind}");
        assert!(kind != "counter" || value >= 0.0, "negative counter: {value}");
        let grows = matches!(suffix, "_sum" | "_count" | "_bucket" | "_total");
        assert!(format == Format::Text || !grows || value >= 0.0, "negative value: {line}");
        if let Some(exemplar) = exemplar {
            assert!(matches!(suffix, "_bucket" | "_total"), "{name} must not have an exemplar");
            check_exemplar(exemplar);
        }
        if suffix == "_bucket" {
            let mut others = labels.clone();
            let bound = others.remove("le").expect("a bucket has a bound");
            if format == Format::OpenMetrics {
                assert!(
                    bound == "+Inf" || bound.contains(['.', 'e']),
                    "not a canonical float: {bound}"
                );
            }
            let bound = bound.parse().expect("a bound is a number");
            family.buckets.entry(others).or_default().push((bound, value));
        }
        let previous = family.samples.insert((name, labels), value);
        assert!(previous.is_none(), "duplicate series: {line}");
    }

    fn end(&mut self) {
        let Some(family) = self.current.take() else { return };
        let name = &family.name;
        for (labels, buckets) in &family.buckets {
            assert!(
                buckets.is_sorted_by(|a, b| a.0 < b.0),
                "bucket bounds of {name} do not increase"
            );
            assert!(buckets.is_sorted_by(|a, b| a.1 <= b.1), "bucket counts of {name} decrease");
            let last = buckets.last().expect("a histogram has buckets");
            let of = |suffix| family.samples.get(&(format!("{name}{suffix}"), labels.clone()));
            assert!(last.0.is_infinite(), "{name} has no `+Inf` bucket");
            let count = of("_count");
            assert_eq!(
                count.is_some(),
                of("_sum").is_some(),
                "{name} has only one of sum and count"
            );
            assert!(
                count.is_none_or(|count| count.to_bits() == last.1.to_bits()),
                "the count of {name}{labels:?} differs from its `+Inf` bucket"
            );
        }
    }
}

fn check_exemplar(exemplar: &str) {
    let (series, rest) = exemplar.split_once("} ").expect("an exemplar has labels");
    let (name, labels) = labels(&format!("{series}}}"));
    assert_eq!(name, "");
    let length: usize =
        labels.iter().map(|(name, value)| name.chars().count() + value.chars().count()).sum();
    assert!(length <= 128, "an exemplar of {length} characters is too long");
    for number in rest.split(' ') {
        assert!(number.parse::<f64>().is_ok_and(f64::is_finite), "invalid number: {exemplar}");
    }
}

/// Splits a series into name and labels.
fn labels(series: &str) -> (String, BTreeMap<String, String>) {
    let Some((name, rest)) = series.split_once('{') else {
        assert!(is_name(series, true), "invalid name: {series}");
        return (series.to_owned(), BTreeMap::new());
    };
    assert!(name.is_empty() || is_name(name, true), "invalid name: {series}");
    let mut rest = rest.strip_suffix('}').expect("labels end with a brace");
    let mut labels = BTreeMap::new();
    while !rest.is_empty() {
        let (label, after) = rest.split_once("=\"").expect("a label has a value in quotes");
        assert!(is_name(label, false), "invalid label name {label:?}: {series}");
        let end = closing_quote(after);
        let value = unescaped(&after[..end], true);
        assert!(
            labels.insert(label.to_owned(), value).is_none(),
            "duplicate label {label}: {series}"
        );
        rest = &after[end + 1..];
        if let Some(more) = rest.strip_prefix(',') {
            assert!(!more.is_empty(), "trailing comma: {series}");
            rest = more;
        } else {
            assert!(rest.is_empty(), "missing comma between labels: {series}");
        }
    }
    (name.to_owned(), labels)
}

/// Returns the length of the braced labels at the start of a text.
fn labels_end(text: &str) -> usize {
    let (mut quoted, mut escaped) = (false, false);
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '}' if !quoted => return at + 1,
            _ => {}
        }
    }
    panic!("unterminated labels: {text}");
}

/// Returns the position of the quote that ends a value.
fn closing_quote(text: &str) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at,
            _ => {}
        }
    }
    panic!("unterminated label value: {text}");
}

fn unescaped(text: &str, quotes: bool) -> String {
    let mut value = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        value.push(match character {
            '\\' => match characters.next() {
                Some('n') => '\n',
                Some('\\') => '\\',
                Some('"') if quotes => '"',
                other => panic!("unknown escape {other:?}: {text}"),
            },
            '"' if quotes => panic!("unescaped quote: {text}"),
            character => character,
        });
    }
    value
}

fn is_name(name: &str, colons: bool) -> bool {
    let may = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || (colons && byte == b':');
    !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && name.bytes().all(may)
}
