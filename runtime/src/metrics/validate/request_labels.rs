//! Validates the labels whose values requests supply.

use std::collections::HashMap;

use http::{HeaderName, HeaderValue};

use super::names::added_label_name;
use super::{BuildError, Problems};
use crate::family::{MAX_REQUEST_LABELS, OVERFLOW, RequestLabelBound, RequestLabels};
use crate::metrics::request_label::RequestLabel;

/// The largest number of values of a request label.
const MAX_VALUES: usize = 10_000;
const TOO_MANY_VALUES: &str =
    "it may have more than 10,000 values, each of which is a series in many families: allow fewer";

/// Validates the labels whose values requests supply. Their values may have `max_bytes` bytes.
pub(in crate::metrics) fn request_labels(
    labels: &[RequestLabel],
    const_labels: &HashMap<String, String>,
    max_bytes: usize,
    problems: &mut Problems,
) -> RequestLabels {
    let mut valid: Vec<(&str, RequestLabelBound)> = Vec::new();
    for label in labels {
        let name = &*label.name;
        let is_given =
            const_labels.contains_key(name) || valid.iter().any(|(known, _)| *known == name);
        let checked = added_label_name(name).and_then(|()| {
            let invalid = |reason| BuildError::RequestLabel { name: name.to_owned(), reason };
            if is_given {
                Err(BuildError::LabelTwice { name: name.to_owned() })
            } else if valid.len() == MAX_REQUEST_LABELS {
                Err(invalid("an instance can have four request labels: remove one"))
            } else {
                bound(label, max_bytes).map_err(invalid)
            }
        });
        valid.extend(problems.check(checked).map(|bound| (name, bound)));
    }
    let labels = valid.iter().map(|(name, bound)| (*name, bound));
    RequestLabels::new(labels, max_bytes)
}

/// Validates the sources and the bound of a request label. Returns the bound, or the mistake.
fn bound(label: &RequestLabel, max_bytes: usize) -> Result<RequestLabelBound, &'static str> {
    let is_header_name = |name: &String| HeaderName::from_bytes(name.as_bytes()).is_ok();
    if label.has_two_sources() {
        return Err("it is taken from a header and from an extension: keep one of them");
    }
    if !label.header.as_ref().is_none_or(is_header_name) {
        return Err("the header name is not valid: use a name like \"x-tenant\"");
    }
    let Some(bound) = label.bound() else {
        return Err(if label.values.is_some() {
            "it has two bounds, `values` and `at_most`: keep one of them"
        } else {
            "its values are not bounded: list them with `values`, or limit their number with \
             `at_most`"
        });
    };
    let reason = match &bound {
        RequestLabelBound::AtMost(0) => {
            "`at_most` is 0, so every value would be `other`: allow at least one value"
        }
        RequestLabelBound::Values(values) if values.is_empty() => {
            "no value is allowed: list the values to export"
        }
        RequestLabelBound::AtMost(count) if *count > MAX_VALUES => TOO_MANY_VALUES,
        RequestLabelBound::Values(values) if values.len() > MAX_VALUES => TOO_MANY_VALUES,
        RequestLabelBound::Values(values)
            if values.iter().any(|value| value == OVERFLOW || value.is_empty()) =>
        {
            "`other` is reserved for values that are not listed, and the empty value for requests \
             without a value: remove them from the list"
        }
        RequestLabelBound::Values(values) if values.iter().any(|value| value.len() > max_bytes) => {
            "a listed value has more than 128 bytes, so it would be exported as `other`: shorten it"
        }
        RequestLabelBound::Values(values)
            if label.header.is_some() && !values.iter().all(|value| can_be_in_header(value)) =>
        {
            "a listed value begins or ends with a space, or has a control character, so no header \
             has this value: correct it"
        }
        RequestLabelBound::AtMost(_) | RequestLabelBound::Values(_) => return Ok(bound),
    };
    Err(reason)
}

/// Returns whether a header of a request can have this value. HTTP removes spaces around a value.
fn can_be_in_header(value: &str) -> bool {
    HeaderValue::from_bytes(value.as_bytes()).is_ok() && value.trim_matches([' ', '\t']) == value
}
