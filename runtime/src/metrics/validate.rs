//! Validates settings.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::request_label::RequestLabel;
use super::{BuildError, RegistryNames};
use crate::family::{OVERFLOW, ValueSet, histogram_name, histogram_names, is_family_label};
use crate::price::{Price, Prices};

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

pub(super) fn prices(model_prices: Vec<(String, Price)>) -> Result<Prices, BuildError> {
    let mut prices = HashMap::new();
    for (model, price) in model_prices {
        let invalid = price.iter().find(|(_, price)| !(price.is_finite() && *price >= 0.0));
        let reason = if model.is_empty() {
            "the model name is empty: give the name of the model that has this price".to_owned()
        } else if model == OVERFLOW {
            "`other` stands for several models, which have no price in common: set a price for \
             each model, which applies even if the model is exported as `other`"
                .to_owned()
        } else if let Some((class, price)) = invalid {
            format!(
                "{class} costs {price} dollars per million tokens: give a finite number of zero or \
                 more"
            )
        } else if prices.insert(model.clone().into_boxed_str(), price).is_some() {
            "it is given twice: give it once".to_owned()
        } else {
            continue;
        };
        return Err(BuildError::Price { model, reason });
    }
    Ok(Prices::new(prices))
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

/// Validates the label whose value is taken from each request. At most one may be set.
pub(super) fn request_label(
    request_labels: Vec<RequestLabel>,
    const_labels: &HashMap<String, String>,
) -> Result<Option<RequestLabel>, BuildError> {
    let mut request_labels = request_labels.into_iter();
    let Some(label) = request_labels.next() else { return Ok(None) };
    added_label_name(&label.name)?;
    if const_labels.contains_key(&label.name) {
        return Err(BuildError::LabelTwice { name: label.name });
    }
    let reason = if request_labels.next().is_some() {
        "an instance can have only one such label, and another one is set: remove one"
    } else if label.values.is_empty() {
        "no value is allowed: list the values to export"
    } else if label.values.iter().any(|value| **value == *OVERFLOW || value.is_empty()) {
        "`other` is reserved for values that are not listed, and the empty value for requests \
         without a value: remove them from the list"
    } else if !label.source_is_valid() {
        "the header name is not valid: use a name like \"x-tenant\""
    } else {
        return Ok(Some(label));
    };
    Err(BuildError::RequestLabel { name: label.name, reason })
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
