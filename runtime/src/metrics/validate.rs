//! Validates settings.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use http::HeaderName;

use super::request_label::RequestLabel;
use super::{BuildError, RegistryNames};
use crate::family::{
    MAX_REQUEST_LABELS, OVERFLOW, RequestLabelBound, RequestLabels, ValueSet, histogram_name,
    histogram_names, is_family_label,
};
use crate::price::{PriceMap, Prices, check_model};

/// The largest number of values of a request label.
const MAX_REQUEST_LABEL_VALUES: usize = 10_000;
const TOO_MANY_VALUES: &str =
    "it may have more than 10,000 values, each of which is a series in many families: allow fewer";

/// Returns whether a metric name or a label name may begin with this text. The text may be empty.
fn is_name(text: &str) -> bool {
    !text.starts_with(|first: char| first.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Returns whether Prometheus accepts a metric of this name.
pub(crate) fn is_metric_name(name: &str) -> bool {
    !name.is_empty() && is_name(&name.replace(':', "_"))
}

/// Returns whether Prometheus accepts a label of this name.
pub(crate) fn is_label_name(name: &str) -> bool {
    !name.is_empty() && is_name(name) && !name.starts_with("__")
}

pub(super) fn prefix(prefix: &str) -> Result<(), BuildError> {
    if is_name(prefix) { Ok(()) } else { Err(BuildError::Prefix { prefix: prefix.to_owned() }) }
}

/// Validates the name of a label of `build_info`, which may have the name of a label of a family.
fn any_label_name(name: &str) -> Result<(), BuildError> {
    if name.is_empty() || !is_name(name) {
        return Err(BuildError::LabelName { name: name.to_owned() });
    }
    if name.starts_with("__") || name == "le" || name == "quantile" {
        return Err(BuildError::LabelTaken { name: name.to_owned() });
    }
    Ok(())
}

/// Validates the name of a label that is added to the families.
fn added_label_name(name: &str) -> Result<(), BuildError> {
    any_label_name(name)?;
    if is_family_label(name) {
        Err(BuildError::LabelTaken { name: name.to_owned() })
    } else {
        Ok(())
    }
}

/// Validates the constant labels.
pub(super) fn labels(labels: Vec<(String, String)>) -> Result<HashMap<String, String>, BuildError> {
    let mut valid = HashMap::new();
    for (name, value) in labels {
        added_label_name(&name)?;
        if valid.contains_key(&name) {
            return Err(BuildError::LabelTwice { name });
        }
        valid.insert(name, value);
    }
    Ok(valid)
}

pub(super) fn buckets(
    buckets: Vec<(String, Vec<f64>)>,
) -> Result<HashMap<&'static str, Vec<f64>>, BuildError> {
    let mut valid = HashMap::new();
    for (family, bounds) in buckets {
        let Some(name) = histogram_name(&family) else {
            let known = histogram_names().collect::<Vec<_>>().join(", ");
            return Err(BuildError::UnknownHistogram { family, known });
        };
        let reason = if bounds.is_empty() {
            "the list is empty: give at least one upper bound"
        } else if !bounds.iter().all(|bound| bound.is_finite() && *bound >= 0.0) {
            "a bound is negative or not finite: give finite numbers of zero or more; the bucket \
             `+Inf` is added automatically"
        } else if !bounds.is_sorted_by(|before, after| before < after) {
            "the bounds do not increase: sort them and remove duplicates"
        } else {
            valid.insert(name, bounds);
            continue;
        };
        return Err(BuildError::Buckets { family, reason });
    }
    Ok(valid)
}

/// Validates the list of allowed values of the option `setting`, if the option is set.
pub(super) fn allowed(
    setting: &'static str,
    values: Option<Vec<String>>,
) -> Result<Option<ValueSet>, BuildError> {
    let Some(values) = values else { return Ok(None) };
    let reason = if values.is_empty() {
        "nothing is allowed: list the values to export, or remove the option"
    } else if values.iter().any(|value| value == OVERFLOW || value.is_empty()) {
        "`other` is reserved for values that are not listed, and the empty value for unknown \
         values: remove them from the list"
    } else {
        let values = values.into_iter().map(String::into_boxed_str).collect();
        return Ok(Some(Arc::new(values)));
    };
    Err(BuildError::AllowedValues { setting, reason })
}

/// Validates the prices of all models.
pub(super) fn prices(prices: Prices) -> Result<PriceMap, BuildError> {
    let mut valid = HashMap::new();
    for (model, price) in prices.0 {
        let reason = if let Err(reason) = check_model(&model).and_then(|()| price.validate()) {
            reason
        } else if valid.insert(model.clone().into_boxed_str(), price).is_some() {
            "it is given twice: give it once".to_owned()
        } else {
            continue;
        };
        return Err(BuildError::Price { model, reason });
    }
    Ok(PriceMap::new(valid))
}

/// Validates the labels of `build_info`, and adds the constant labels to them.
pub(super) fn build_info(
    build_labels: Option<Vec<(String, String)>>,
    const_labels: &HashMap<String, String>,
) -> Result<Option<HashMap<String, String>>, BuildError> {
    let Some(build_labels) = build_labels else { return Ok(None) };
    if build_labels.is_empty() {
        return Err(BuildError::BuildInfo);
    }
    let mut labels = const_labels.clone();
    for (name, value) in build_labels {
        any_label_name(&name)?;
        if labels.contains_key(&name) {
            return Err(BuildError::LabelTwice { name });
        }
        labels.insert(name, value);
    }
    Ok(Some(labels))
}

/// Validates the labels whose values requests supply. Their values may have `max_bytes` bytes.
pub(super) fn request_labels(
    labels: &[RequestLabel],
    const_labels: &HashMap<String, String>,
    max_bytes: usize,
) -> Result<RequestLabels, BuildError> {
    let mut valid: Vec<(&str, RequestLabelBound)> = Vec::new();
    for label in labels {
        let name = &*label.name;
        added_label_name(name)?;
        if const_labels.contains_key(name) || valid.iter().any(|(known, _)| *known == name) {
            return Err(BuildError::LabelTwice { name: name.to_owned() });
        }
        let invalid = |reason| BuildError::RequestLabel { name: name.to_owned(), reason };
        if valid.len() == MAX_REQUEST_LABELS {
            return Err(invalid("an instance can have four request labels: remove one"));
        }
        valid.push((name, request_label_bound(label, max_bytes).map_err(invalid)?));
    }
    let labels = valid.iter().map(|(name, bound)| (*name, bound));
    Ok(RequestLabels::new(labels, max_bytes))
}

/// Validates the sources and the bound of a request label. Returns the bound, or the mistake.
fn request_label_bound(
    label: &RequestLabel,
    max_bytes: usize,
) -> Result<RequestLabelBound, &'static str> {
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
        RequestLabelBound::AtMost(count) if *count > MAX_REQUEST_LABEL_VALUES => TOO_MANY_VALUES,
        RequestLabelBound::Values(values) if values.len() > MAX_REQUEST_LABEL_VALUES => {
            TOO_MANY_VALUES
        }
        RequestLabelBound::Values(values)
            if values.iter().any(|value| value == OVERFLOW || value.is_empty()) =>
        {
            "`other` is reserved for values that are not listed, and the empty value for requests \
             without a value: remove them from the list"
        }
        RequestLabelBound::Values(values) if values.iter().any(|value| value.len() > max_bytes) => {
            "a listed value has more than 128 bytes, so it would be exported as `other`: shorten it"
        }
        RequestLabelBound::AtMost(_) | RequestLabelBound::Values(_) => return Ok(bound),
    };
    Err(reason)
}

/// Validates the prefix and the labels of the user's registry. `user_labels` are the labels that
/// other options add to the families and to `build_info`.
pub(super) fn registry_names(
    has_registry: bool,
    prefix: String,
    labels: Vec<(String, String)>,
    user_labels: &BTreeSet<&str>,
) -> Result<RegistryNames, BuildError> {
    let no_registry = "needs the option `registry`: set the registry, or remove this option";
    let invalid = |option, name, reason| BuildError::RegistryOption { option, name, reason };
    if !prefix.is_empty() {
        let option = "registry_prefix";
        if !has_registry {
            return Err(invalid(option, prefix, no_registry));
        }
        if !is_metric_name(&prefix) {
            let reason = "is not a metric name prefix: create the registry with another one";
            return Err(invalid(option, prefix, reason));
        }
    }
    let mut valid = BTreeMap::new();
    for (name, value) in labels {
        let reason = if !has_registry {
            no_registry
        } else if !is_label_name(&name) {
            "is not a label name: create the registry with another one"
        } else if user_labels.contains(&*name) || added_label_name(&name).is_err() {
            "is also a label of the families: create the registry with another one"
        } else if valid.insert(name.clone(), value).is_some() {
            "is given twice: give it once"
        } else {
            continue;
        };
        return Err(invalid("registry_label", name, reason));
    }
    let labels = valid.iter().map(|(name, value)| (&**name, &**value));
    Ok(RegistryNames::new(&prefix, labels))
}
