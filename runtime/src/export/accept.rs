//! Reads what a scraper requests: a format, an encoding, and some of the families.
//!
//! General content negotiation does not fit here. Prometheus adds parameters to its media ranges,
//! such as `escaping=allow-utf-8`, but only `version` may exclude a format. A client that accepts
//! neither format still gets the text format.

use std::borrow::Cow;
use std::collections::BTreeSet;

use http::header::{ACCEPT, AsHeaderName};
use http::{HeaderMap, HeaderValue, Uri};
use percent_encoding::percent_decode_str;

use super::text_format::{Format, TEXT_CONTENT_TYPE};

impl Format {
    /// Returns the value of the header `Content-Type`. Prometheus 3 rejects a page without it.
    pub(super) const fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Text => TEXT_CONTENT_TYPE,
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        })
    }

    /// Returns the format with the highest q-value in the header `Accept`: the first one on a tie,
    /// and the text format without a match.
    pub(super) fn from_headers(headers: &HeaderMap) -> Self {
        let mut best = (0, Self::Text);
        for range in elements(headers, ACCEPT) {
            let Some(format) = Self::from_range(range.value, range.parameter("version")) else {
                continue;
            };
            if range.quality > best.0 {
                best = (range.quality, format);
            }
        }
        best.1
    }

    fn from_range(range: &str, version: Option<&str>) -> Option<Self> {
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

/// Returns whether the client accepts a response that is compressed with gzip.
#[cfg(feature = "gzip")]
pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
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

/// The names in the query parameters `name[]`. Without such a parameter every family is requested.
#[derive(Debug, Default)]
pub(super) struct RequestedNames(BTreeSet<String>);

impl RequestedNames {
    pub(super) fn from_uri(uri: &Uri) -> Self {
        let pairs = uri.query().unwrap_or_default().split('&');
        let names = pairs.filter_map(|pair| {
            let (key, value) = pair.split_once('=')?;
            (decode(key) == "name[]" && !value.is_empty()).then(|| decode(value).into_owned())
        });
        Self(names.collect())
    }

    /// Returns whether a family is requested, by its own name or by the name of one of its samples.
    pub(super) fn contains(&self, family: &str) -> bool {
        let is_requested = |name: &str| self.0.contains(name);
        self.0.is_empty()
            || is_requested(family)
            || family.strip_suffix("_total").is_some_and(is_requested)
            || ["_bucket", "_count", "_sum", "_total"]
                .iter()
                .any(|suffix| is_requested(&format!("{family}{suffix}")))
    }
}

fn decode(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

/// An element of a header's list, with its q-value in thousandths.
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
            // An invalid q-value counts as the lowest that still accepts the element.
            element.quality = parse_quality(quality).unwrap_or(1);
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

/// Parses a q-value, from 0 to 1 with at most three decimal digits, as thousandths.
fn parse_quality(quality: &str) -> Option<u16> {
    let (whole, digits) = quality.split_once('.').unwrap_or((quality, ""));
    let is_valid = digits.len() <= 3 && digits.bytes().all(|digit| digit.is_ascii_digit());
    match whole {
        "1" if is_valid && digits.bytes().all(|digit| digit == b'0') => Some(1_000),
        "0" if is_valid => format!("{digits:0<3}").parse().ok(),
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

    fn negotiate(accept: &str) -> Format {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, accept.parse().expect("the text is a header value"));
        Format::from_headers(&headers)
    }

    #[test]
    fn accept_headers_of_prometheus_select_openmetrics() {
        for accept in [
            // 2.42
            "application/openmetrics-text;version=1.0.0,\
             application/openmetrics-text;version=0.0.1;q=0.75,\
             text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            // 2.53
            "application/openmetrics-text;version=1.0.0;q=0.5,\
             application/openmetrics-text;version=0.0.1;q=0.4,\
             text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            // 3.5, which prefers a format that is not implemented here
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
             encoding=delimited;q=0.7,\
             application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
             application/openmetrics-text;version=0.0.1;q=0.5,\
             text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
             text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
        ] {
            assert_eq!(negotiate(accept), Format::OpenMetrics, "{accept}");
        }
        assert_eq!(negotiate("text/plain;version=0.0.4;q=1,*/*;q=0.1"), Format::Text);
    }

    #[test]
    fn accept_headers_select_the_format_with_the_highest_quality() {
        for (accept, format) in [
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
            assert_eq!(negotiate(accept), expected, "{accept}");
        }
    }

    #[test]
    fn qualities_are_parsed_as_thousandths() {
        for (quality, expected) in [
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
            assert_eq!(parse_quality(quality), expected, "{quality:?}");
        }
    }

    #[test]
    fn requested_names_select_families_by_name_or_by_sample() {
        let names = |query: &str| {
            let uri: Uri = format!("/metrics?{query}").parse().expect("the text is a URI");
            RequestedNames::from_uri(&uri)
        };
        assert!(names("").contains("app_anything"));
        assert!(names("other=1&name[]=").contains("app_anything"));
        let some = names("name[]=app_a_total&name%5B%5D=app_b_bucket&name[]=app%5Fc");
        for (family, requested) in [
            ("app_a_total", true),
            ("app_b", true),
            ("app_c", true),
            ("app_c_total", true),
            ("app_a", true),
            ("app_d", false),
            ("app_c_more", false),
        ] {
            assert_eq!(some.contains(family), requested, "{family}");
        }
    }
}
