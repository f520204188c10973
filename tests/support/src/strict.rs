//! The text formats as the strictest of their readers take them.
//!
//! Prometheus forgives much of this, and the parsers of its Python client, promtool and node-exporter each
//! another part.

use std::collections::{BTreeMap, BTreeSet};

use crate::kept;

/// A text format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus' 0.0.4.
    Text,
    /// `OpenMetrics` 1.0.
    OpenMetrics,
}

/// Checks a page, and keeps it for other readers.
///
/// # Panics
///
/// If a strict reader would refuse it: says what is wrong and in which line.
pub fn check(page: &str, format: Format) {
    check_lines(page, format);
    kept::keep(page, format);
}

fn check_lines(page: &str, format: Format) {
    let mut families = Families { format, known: BTreeSet::new(), current: None };
    assert!(page.is_empty() || page.ends_with('\n'), "the last line does not end");
    let page = match format {
        Format::Text => page,
        Format::OpenMetrics => {
            page.strip_suffix("# EOF\n").expect("a page of OpenMetrics ends with its mark")
        }
    };
    for line in page.split_terminator('\n') {
        assert!(!line.is_empty(), "a line is blank");
        match line.strip_prefix("# ") {
            Some(about) => families.about(about),
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
    /// The buckets of each histogram, as they come.
    buckets: BTreeMap<BTreeMap<String, String>, Vec<(f64, f64)>>,
}

impl Families {
    fn about(&mut self, about: &str) {
        let mut parts = about.splitn(3, ' ');
        let (Some(what), Some(name), Some(text)) = (parts.next(), parts.next(), parts.next())
        else {
            panic!("a comment is none of the three: {about}");
        };
        assert!(is_name(name, true), "no name of a family: {name:?}");
        if self.current.as_ref().is_none_or(|family| family.name != name) {
            self.end();
            assert!(
                self.known.insert(name.to_owned()),
                "{name} is there twice, or not in one piece"
            );
            self.current = Some(Family {
                name: name.to_owned(),
                kind: None,
                unit: None,
                samples: BTreeMap::new(),
                buckets: BTreeMap::new(),
            });
        }
        let family = self.current.as_mut().expect("it has just been made");
        assert!(family.samples.is_empty(), "{about} stands behind samples");
        match what {
            "HELP" => drop(unescaped(text, self.format == Format::OpenMetrics)),
            "TYPE" => assert!(family.kind.replace(text.to_owned()).is_none(), "two types: {about}"),
            "UNIT" => {
                assert_eq!(self.format, Format::OpenMetrics);
                assert!(name.ends_with(&format!("_{text}")), "{name} does not end with its unit");
                family.unit = Some(text.to_owned());
            }
            _ => panic!("a comment is none of the three: {about}"),
        }
    }

    fn sample(&mut self, line: &str) {
        let format = self.format;
        let family = self.current.as_mut().expect("a sample stands behind its family");
        // Behind the labels, where there are any: a value may look like anything.
        let labels_end = line.find('{').map_or(0, |open| open + labels_end(&line[open..]));
        let (series, exemplar) = match line[labels_end..].find(" # ") {
            Some(at) if format == Format::OpenMetrics => {
                (&line[..labels_end + at], Some(&line[labels_end + at + 3..]))
            }
            _ => (line, None),
        };
        let (series, text) = series.rsplit_once(' ').expect("a sample has a value");
        assert!(!text.starts_with("inf") && text != "nan", "{text} is how Rust writes it");
        let value: f64 = text.parse().unwrap_or_else(|_| panic!("no number: {line}"));
        let (name, labels) = labels(series);
        let kind = family.kind.as_deref().unwrap_or_else(|| panic!("no type: {line}"));
        let suffix = name.strip_prefix(&family.name);
        let suffix = suffix.unwrap_or_else(|| panic!("{name} is no sample of {}", family.name));
        let fits = match (kind, format) {
            ("counter", Format::OpenMetrics) => suffix == "_total",
            ("counter" | "gauge" | "untyped" | "unknown", _) => suffix.is_empty(),
            ("histogram", _) => matches!(suffix, "_bucket" | "_sum" | "_count"),
            ("summary", _) => matches!(suffix, "" | "_sum" | "_count"),
            _ => panic!("no type: {kind}"),
        };
        assert!(fits, "{name} is no sample of a {kind}");
        assert!(kind != "counter" || value >= 0.0, "a counter is {value}");
        let grows = matches!(suffix, "_sum" | "_count" | "_bucket" | "_total");
        assert!(format == Format::Text || !grows || value >= 0.0, "it cannot be {value}: {line}");
        if let Some(exemplar) = exemplar {
            assert!(matches!(suffix, "_bucket" | "_total"), "an exemplar on {name}");
            check_exemplar(exemplar);
        }
        if suffix == "_bucket" {
            let mut others = labels.clone();
            let bound = others.remove("le").expect("a bucket has a bound");
            if format == Format::OpenMetrics {
                assert!(
                    bound == "+Inf" || bound.contains(['.', 'e']),
                    "no canonical float: {bound}"
                );
            }
            let bound = bound.parse().expect("a bound is a number");
            family.buckets.entry(others).or_default().push((bound, value));
        }
        let twice = family.samples.insert((name, labels), value);
        assert!(twice.is_none(), "a series is there twice: {line}");
    }

    fn end(&mut self) {
        let Some(family) = self.current.take() else { return };
        let name = &family.name;
        for (labels, buckets) in &family.buckets {
            assert!(buckets.is_sorted_by(|a, b| a.0 < b.0), "bounds of {name} do not rise");
            assert!(buckets.is_sorted_by(|a, b| a.1 <= b.1), "buckets of {name} fall");
            let last = buckets.last().expect("there is one");
            let of = |suffix| family.samples.get(&(format!("{name}{suffix}"), labels.clone()));
            assert!(last.0.is_infinite(), "{name} has no last bucket");
            let count = of("_count");
            assert_eq!(count.is_some(), of("_sum").is_some(), "{name} has one of sum and count");
            assert!(
                count.is_none_or(|count| count.to_bits() == last.1.to_bits()),
                "{name}{labels:?} counts otherwise"
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
    assert!(length <= 128, "an exemplar of {length} characters is dropped");
    for number in rest.split(' ') {
        assert!(number.parse::<f64>().is_ok_and(f64::is_finite), "no number: {exemplar}");
    }
}

/// A series' name and labels.
fn labels(series: &str) -> (String, BTreeMap<String, String>) {
    let Some((name, rest)) = series.split_once('{') else {
        assert!(is_name(series, true), "no name: {series}");
        return (series.to_owned(), BTreeMap::new());
    };
    assert!(name.is_empty() || is_name(name, true), "no name: {series}");
    let mut rest = rest.strip_suffix('}').expect("labels end");
    let mut labels = BTreeMap::new();
    while !rest.is_empty() {
        let (label, after) = rest.split_once("=\"").expect("a label has a value in quotes");
        assert!(is_name(label, false), "no label: {label:?} in {series}");
        let end = closing(after);
        let value = unescaped(&after[..end], true);
        assert!(
            labels.insert(label.to_owned(), value).is_none(),
            "{label} is there twice: {series}"
        );
        rest = &after[end + 1..];
        if let Some(more) = rest.strip_prefix(',') {
            assert!(!more.is_empty(), "a comma behind the last label: {series}");
            rest = more;
        } else {
            assert!(rest.is_empty(), "no comma between labels: {series}");
        }
    }
    (name.to_owned(), labels)
}

/// How long the labels are that a text begins with.
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
    panic!("labels do not end: {text}");
}

/// Where the quote is that ends a value.
fn closing(text: &str) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at,
            _ => {}
        }
    }
    panic!("a value does not end: {text}");
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
                other => panic!("no escape: {other:?} in {text}"),
            },
            '"' if quotes => panic!("a quote is not escaped: {text}"),
            character => character,
        });
    }
    value
}

fn is_name(name: &str, colons: bool) -> bool {
    let may = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || (colons && byte == b':');
    !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && name.bytes().all(may)
}
