//! Validates settings.

mod names;
#[cfg(feature = "monitoring")]
mod objectives;
mod request_labels;

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

pub(super) use self::names::prefix;
use self::names::{added_label_name, any_label_name, prefix_problem};
pub(crate) use self::names::{is_label_name, is_metric_name};
#[cfg(feature = "monitoring")]
pub(super) use self::objectives::objectives;
pub(super) use self::request_labels::request_labels;
use super::{BuildError, RegistryNames};
use crate::family::{OVERFLOW, ValueSet, histogram_name, histogram_names};
use crate::price::{PriceMap, Prices, check_model};

/// The problems of all settings, so that `build` reports them at once.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<BuildError>);

impl Problems {
    pub(super) fn add(&mut self, problem: BuildError) {
        self.0.push(problem);
    }

    /// Returns the value of a valid setting. Keeps the error of an invalid one, and returns `None`.
    pub(super) fn check<T>(&mut self, setting: Result<T, BuildError>) -> Option<T> {
        setting.map_err(|problem| self.add(problem)).ok()
    }

    /// Returns the problems as one error, if there are any.
    pub(super) fn into_result(mut self) -> Result<(), BuildError> {
        match self.0.len() {
            0 => Ok(()),
            1 => self.0.pop().map_or(Ok(()), Err),
            _ => Err(BuildError::Several(self.0)),
        }
    }
}

/// Validates the constant labels.
pub(super) fn labels(
    labels: Vec<(String, String)>,
    problems: &mut Problems,
) -> HashMap<String, String> {
    let mut valid = HashMap::new();
    for (name, value) in labels {
        if let Err(problem) = added_label_name(&name) {
            problems.add(problem);
        } else if value.is_empty() {
            problems.add(BuildError::LabelEmpty { name });
        } else {
            add_label(&mut valid, name, value, problems);
        }
    }
    valid
}

/// Adds a label, unless there is one of this name.
fn add_label(
    labels: &mut HashMap<String, String>,
    name: String,
    value: String,
    problems: &mut Problems,
) {
    match labels.entry(name) {
        Entry::Vacant(entry) => {
            entry.insert(value);
        }
        Entry::Occupied(entry) => {
            problems.add(BuildError::LabelTwice { name: entry.key().clone() });
        }
    }
}

/// Validates the bounds of histograms. `prefix` is that of all metric names.
pub(super) fn buckets(
    buckets: Vec<(String, Vec<f64>)>,
    prefix: &str,
    problems: &mut Problems,
) -> HashMap<&'static str, Vec<f64>> {
    let mut valid = HashMap::new();
    for (family, bounds) in buckets {
        let name = histogram_name(&family);
        let reason = match name {
            None if has_prefix(&family, prefix) => {
                "the prefix is added to the name: write the name without it"
            }
            None => {
                let known = histogram_names().collect::<Vec<_>>().join(", ");
                problems.add(BuildError::UnknownHistogram { family, known });
                continue;
            }
            Some(name) if valid.contains_key(name) => "they are given twice: give them once",
            Some(_) if bounds.is_empty() => "the list is empty: give at least one upper bound",
            Some(_) if !bounds.iter().all(|bound| bound.is_finite() && *bound >= 0.0) => {
                "a bound is negative or not finite: give finite numbers of zero or more; the \
                 bucket `+Inf` is added automatically"
            }
            Some(_) if !bounds.is_sorted_by(|before, after| before < after) => {
                "the bounds do not increase: sort them and remove duplicates"
            }
            Some(name) => {
                valid.insert(name, bounds);
                continue;
            }
        };
        problems.add(BuildError::Buckets { family, reason });
    }
    valid
}

/// Returns whether a name is that of a histogram with the prefix before it.
fn has_prefix(name: &str, prefix: &str) -> bool {
    let bare = name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_'));
    bare.and_then(histogram_name).is_some()
}

/// Validates the list of allowed values of the option `setting`, if the option is set.
pub(super) fn allowed(
    setting: &'static str,
    values: Option<Vec<String>>,
    problems: &mut Problems,
) -> Option<ValueSet> {
    let values = values?;
    let reason = if values.is_empty() {
        "nothing is allowed: list the values to export, or remove the option"
    } else if values.iter().any(|value| value == OVERFLOW || value.is_empty()) {
        "`other` is reserved for values that are not listed, and the empty value for unknown \
         values: remove them from the list"
    } else {
        return Some(Arc::new(values.into_iter().map(String::into_boxed_str).collect()));
    };
    problems.add(BuildError::AllowedValues { setting, reason });
    None
}

/// Validates the prices of all models.
pub(super) fn prices(prices: Prices, problems: &mut Problems) -> PriceMap {
    let mut valid = HashMap::new();
    for (model, price) in prices.0 {
        let reason = if let Err(reason) = check_model(&model).and_then(|()| price.validate()) {
            reason
        } else if valid.insert(model.clone().into_boxed_str(), price).is_some() {
            "it is given twice: give it once".to_owned()
        } else {
            continue;
        };
        problems.add(BuildError::Price { model, reason });
    }
    PriceMap::new(valid)
}

/// Validates the labels of `build_info`, and adds the constant labels to them.
pub(super) fn build_info(
    build_labels: Option<Vec<(String, String)>>,
    const_labels: &HashMap<String, String>,
    problems: &mut Problems,
) -> Option<HashMap<String, String>> {
    let build_labels = build_labels?;
    if build_labels.is_empty() {
        problems.add(BuildError::BuildInfo);
    }
    let mut labels = const_labels.clone();
    for (name, value) in build_labels {
        if let Err(problem) = any_label_name(&name) {
            problems.add(problem);
        } else {
            add_label(&mut labels, name, value, problems);
        }
    }
    Some(labels)
}

/// Validates the prefix and the labels of the user's registry. `user_labels` are the labels that
/// other options add to the families and to `build_info`.
pub(super) fn registry_names(
    has_registry: bool,
    prefix: &str,
    labels: Vec<(String, String)>,
    user_labels: &BTreeSet<&str>,
    problems: &mut Problems,
) -> RegistryNames {
    let no_registry = "needs the option `registry`: set the registry, or remove this option";
    let invalid = |option, name, reason| BuildError::RegistryOption { option, name, reason };
    let reason = if prefix.is_empty() {
        None
    } else if !has_registry {
        Some(no_registry)
    } else if !is_metric_name(prefix) || prefix_problem(prefix).is_some() {
        Some(
            "is not a metric name prefix: create the registry with another one, which does not \
             begin with `__` or end with `_` and has at most 100 bytes",
        )
    } else {
        None
    };
    if let Some(reason) = reason {
        problems.add(invalid("registry_prefix", prefix.to_owned(), reason));
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
        problems.add(invalid("registry_label", name, reason));
    }
    let labels = valid.iter().map(|(name, value)| (&**name, &**value));
    RegistryNames::new(prefix, labels)
}
