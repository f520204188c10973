//! Settings, checked.

use std::collections::HashMap;
use std::sync::Arc;

use super::BuildError;
use super::request_label::RequestLabel;
use crate::family::{OVERFLOW, Values, histogram_name, histogram_names, is_family_label};
use crate::price::{Price, Prices};

/// Whether Prometheus accepts a text in a metric name (and, colons aside, as a label name).
pub(super) fn is_name(text: &str) -> bool {
    !text.starts_with(|first: char| first.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

pub(super) fn prefix(prefix: &str) -> Result<(), BuildError> {
    if is_name(prefix) { Ok(()) } else { Err(BuildError::Prefix { prefix: prefix.to_owned() }) }
}

/// Whether Prometheus accepts a metric of this name.
pub(crate) fn is_metric_name(name: &str) -> bool {
    !name.is_empty() && is_name(&name.replace(':', "_"))
}

/// Whether Prometheus accepts a label of this name.
pub(crate) fn is_label_name(name: &str) -> bool {
    !name.is_empty() && is_name(name) && !name.starts_with("__")
}

/// Whether a label of a metric that has no other labels may have this name.
fn any_label_name(name: &str) -> Result<(), BuildError> {
    if name.is_empty() || !is_name(name) {
        return Err(BuildError::LabelName { name: name.to_owned() });
    }
    if name.starts_with("__") || name == "le" || name == "quantile" {
        return Err(BuildError::LabelTaken { name: name.to_owned() });
    }
    Ok(())
}

/// Whether a label of the user's choice in our families may have this name.
pub(super) fn label_name(name: &str) -> Result<(), BuildError> {
    any_label_name(name)?;
    if is_family_label(name) {
        Err(BuildError::LabelTaken { name: name.to_owned() })
    } else {
        Ok(())
    }
}

pub(super) fn labels(labels: Vec<(String, String)>) -> Result<HashMap<String, String>, BuildError> {
    let mut checked = HashMap::new();
    for (name, value) in labels {
        label_name(&name)?;
        if checked.contains_key(&name) {
            return Err(BuildError::LabelTwice { name });
        }
        checked.insert(name, value);
    }
    Ok(checked)
}

pub(super) fn buckets(
    buckets: Vec<(String, Vec<f64>)>,
) -> Result<HashMap<&'static str, Vec<f64>>, BuildError> {
    let mut checked = HashMap::new();
    for (family, bounds) in buckets {
        let Some(name) = histogram_name(&family) else {
            let known = histogram_names().collect::<Vec<_>>().join(", ");
            return Err(BuildError::UnknownHistogram { family, known });
        };
        let reason = if bounds.is_empty() {
            "there is none: give at least one upper bound"
        } else if !bounds.iter().all(|bound| bound.is_finite() && *bound >= 0.0) {
            "a bound is not a finite number of zero or more; `+Inf` is added by itself"
        } else if !bounds.is_sorted_by(|before, after| before < after) {
            "the bounds do not rise: sort them and drop duplicates"
        } else {
            checked.insert(name, bounds);
            continue;
        };
        return Err(BuildError::Buckets { family, reason });
    }
    Ok(checked)
}

/// The values that may stand in a label, where the setting of that name lists them.
pub(super) fn allowed(
    setting: &'static str,
    listed: Option<Vec<String>>,
) -> Result<Option<Values>, BuildError> {
    let Some(listed) = listed else { return Ok(None) };
    let reason = if listed.is_empty() {
        "nothing is allowed: list the values that may be shown, or leave the setting out"
    } else if listed.iter().any(|value| value == OVERFLOW || value.is_empty()) {
        "`other` and the empty value stand for what is not listed and for what is not known: leave \
         them out"
    } else {
        let values = listed.into_iter().map(String::into_boxed_str).collect();
        return Ok(Some(Arc::new(values)));
    };
    Err(BuildError::AllowedValues { setting, reason })
}

/// The price table.
pub(super) fn prices(given: Vec<(String, Price)>) -> Result<Prices, BuildError> {
    let mut prices = HashMap::new();
    for (model, price) in given {
        let odd = price.each().find(|(_, price)| !(price.is_finite() && *price >= 0.0));
        let reason = if model.is_empty() {
            "it is of no model: name the one that replies come from".to_owned()
        } else if model == OVERFLOW {
            "`other` stands for all models that are not shown, which have no price in common: name \
             each of them, and it is priced though it is not shown"
                .to_owned()
        } else if let Some((which, price)) = odd {
            format!(
                "{which} costs {price} dollars per million tokens: give a finite number of zero or more"
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

/// The labels of the build, the constant ones among them.
pub(super) fn build_info(
    given: Option<Vec<(String, String)>>,
    constant: &HashMap<String, String>,
) -> Result<Option<HashMap<String, String>>, BuildError> {
    let Some(given) = given else { return Ok(None) };
    if given.is_empty() {
        return Err(BuildError::BuildInfo);
    }
    let mut labels = constant.clone();
    for (name, value) in given {
        any_label_name(&name)?;
        if labels.contains_key(&name) {
            return Err(BuildError::LabelTwice { name });
        }
        labels.insert(name, value);
    }
    Ok(Some(labels))
}

/// The label by which requests are told apart, of those that were given.
pub(super) fn request_label(
    given: Vec<RequestLabel>,
    constant: &HashMap<String, String>,
) -> Result<Option<RequestLabel>, BuildError> {
    let mut given = given.into_iter();
    let Some(label) = given.next() else { return Ok(None) };
    label_name(&label.name)?;
    if constant.contains_key(&label.name) {
        return Err(BuildError::LabelTwice { name: label.name });
    }
    let reason = if given.next().is_some() {
        "there can be one such label, and a second one is given: leave one out"
    } else if label.values.is_empty() {
        "no value is allowed: list those that may be shown"
    } else if label.values.iter().any(|value| **value == *OVERFLOW || value.is_empty()) {
        "`other` and the empty value stand for what is not listed and for what is not there: leave \
         them out"
    } else if !label.source_is_valid() {
        "no request has a header of this name: use one like \"x-tenant\""
    } else {
        return Ok(Some(label));
    };
    Err(BuildError::RequestLabel { name: label.name, reason })
}
