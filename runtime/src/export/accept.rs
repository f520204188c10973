//! What a scraper asks for: a format, a coding, some of the families.

use std::borrow::Cow;
use std::collections::BTreeSet;

use http::header::{ACCEPT, AsHeaderName};
use http::{HeaderMap, HeaderValue, Uri};
use percent_encoding::percent_decode_str;

use super::text::{Format, TEXT_FORMAT};

impl Format {
    /// What Prometheus 3 needs to be told: without it the whole scrape is lost.
    pub(super) const fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Text => TEXT_FORMAT,
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        })
    }

    /// The format that is liked best of those that there are, by their q-values. A scraper that likes
    /// none of them is better served by one that it may read than by none.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut liked = (0, Self::Text);
        for range in elements(headers, ACCEPT) {
            let Some(format) = Self::of_range(range.value, range.parameter("version")) else {
                continue;
            };
            // Of two that are liked alike the first is taken, as it was named first.
            if range.quality > liked.0 {
                liked = (range.quality, format);
            }
        }
        liked.1
    }

    fn of_range(range: &str, version: Option<&str>) -> Option<Self> {
        let is = |other: &str| range.eq_ignore_ascii_case(other);
        if is("application/openmetrics-text") {
            matches!(version, None | Some("1.0.0")).then_some(Self::OpenMetrics)
        } else if is("text/plain") {
            matches!(version, None | Some("0.0.4")).then_some(Self::Text)
        } else {
            (is("text/*") || is("*/*")).then_some(Self::Text)
        }
    }
}

/// Whether a response may be compressed with gzip.
#[cfg(feature = "gzip")]
pub(super) fn takes_gzip(headers: &HeaderMap) -> bool {
    let mut any = false;
    for coding in elements(headers, http::header::ACCEPT_ENCODING) {
        match coding.value {
            value if value.eq_ignore_ascii_case("gzip") || value.eq_ignore_ascii_case("x-gzip") => {
                return coding.quality > 0;
            }
            "*" => any = coding.quality > 0,
            _ => {}
        }
    }
    any
}

/// The families that are asked for by `name[]`; all where none is.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeSet<String>);

impl Names {
    pub(super) fn of(uri: &Uri) -> Self {
        let pairs = uri.query().unwrap_or_default().split('&');
        let names = pairs.filter_map(|pair| {
            let (key, value) = pair.split_once('=')?;
            (decoded(key) == "name[]" && !value.is_empty()).then(|| decoded(value).into_owned())
        });
        Self(names.collect())
    }

    /// Whether a family is asked for, be it by its own name or by that of one of its samples.
    pub(super) fn has(&self, family: &str) -> bool {
        let is_asked = |name: &str| self.0.contains(name);
        self.0.is_empty()
            || is_asked(family)
            || family.strip_suffix("_total").is_some_and(is_asked)
            || ["_bucket", "_count", "_sum", "_total"]
                .iter()
                .any(|suffix| is_asked(&format!("{family}{suffix}")))
    }
}

fn decoded(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

/// One thing that a header lists, and how much it is liked, in thousandths.
struct Element<'a> {
    value: &'a str,
    parameters: &'a str,
    quality: u16,
}

impl<'a> Element<'a> {
    fn parse(text: &'a str) -> Self {
        let (value, parameters) = text.split_once(';').unwrap_or((text, ""));
        let mut element = Self { value: value.trim(), parameters, quality: 1_000 };
        if let Some(quality) = element.parameter("q") {
            // What is no number says nothing of how much it is liked, and so the least.
            element.quality = thousandths(quality).unwrap_or(1);
        }
        element
    }

    fn parameter(&self, name: &str) -> Option<&'a str> {
        self.parameters.split(';').find_map(|parameter| {
            let (key, value) = parameter.split_once('=')?;
            key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"'))
        })
    }
}

/// A quality: from 0 to 1, with at most three digits behind the point.
fn thousandths(quality: &str) -> Option<u16> {
    let (whole, digits) = quality.split_once('.').unwrap_or((quality, ""));
    let known = digits.len() <= 3 && digits.bytes().all(|digit| digit.is_ascii_digit());
    match whole {
        "1" if known && digits.bytes().all(|digit| digit == b'0') => Some(1_000),
        "0" if known => format!("{digits:0<3}").parse().ok(),
        _ => None,
    }
}

fn elements(headers: &HeaderMap, name: impl AsHeaderName) -> impl Iterator<Item = Element<'_>> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(Element::parse)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(accept: &str) -> Format {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, accept.parse().expect("it is a header"));
        Format::of(&headers)
    }

    #[test]
    fn every_prometheus_gets_what_it_likes_best() {
        for asks in [
            // 2.42
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
             text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            // 2.53
            "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,\
             text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            // 3.5, which would rather have what nobody here writes
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,\
             application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
             application/openmetrics-text;version=0.0.1;q=0.5,\
             text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
        ] {
            assert_eq!(format(asks), Format::OpenMetrics, "{asks}");
        }
        assert_eq!(format("text/plain;version=0.0.4;q=1,*/*;q=0.1"), Format::Text);
    }

    #[test]
    fn what_is_liked_more_is_taken_wherever_it_stands() {
        for (asks, format) in [
            ("text/plain;q=0.5, Application/OpenMetrics-Text ; VERSION=\"1.0.0\" ; Q=0.9", "om"),
            ("application/openmetrics-text;q=0.3,text/plain;q=0.301", "text"),
            ("application/openmetrics-text;q=0,*/*;q=0.1", "text"),
            ("application/openmetrics-text;version=2.0.0", "text"),
            ("application/openmetrics-text", "om"),
            ("text/plain, application/openmetrics-text", "text"),
            ("application/openmetrics-text, text/plain", "om"),
            ("text/html,application/xhtml+xml,*/*;q=0.8", "text"),
            ("application/openmetrics-text;q=nonsense,text/plain;q=0.1", "text"),
            ("image/png", "text"),
            ("", "text"),
            (";;;,,,=;q=,", "text"),
        ] {
            let expected = if format == "om" { Format::OpenMetrics } else { Format::Text };
            assert_eq!(super::tests::format(asks), expected, "{asks}");
        }
    }

    #[test]
    fn qualities_are_thousandths() {
        for (quality, known) in [
            ("1", Some(1_000)),
            ("1.000", Some(1_000)),
            ("0.5", Some(500)),
            ("0.05", Some(50)),
            ("0", Some(0)),
            ("0.", Some(0)),
            ("1.5", None),
            ("0.1234", None),
            ("-1", None),
            ("", None),
        ] {
            assert_eq!(thousandths(quality), known, "{quality:?}");
        }
    }

    #[test]
    fn families_are_named_by_themselves_or_by_their_samples() {
        let names = |query: &str| {
            let uri: Uri = format!("/metrics?{query}").parse().expect("it is a path");
            Names::of(&uri)
        };
        assert!(names("").has("app_anything"));
        assert!(names("other=1&name[]=").has("app_anything"));
        let some = names("name[]=app_a_total&name%5B%5D=app_b_bucket&name[]=app%5Fc");
        for (family, asked) in [
            ("app_a_total", true),
            ("app_b", true),
            ("app_c", true),
            ("app_c_total", true),
            ("app_a", true),
            ("app_d", false),
            ("app_c_more", false),
        ] {
            assert_eq!(some.has(family), asked, "{family}");
        }
    }
}
