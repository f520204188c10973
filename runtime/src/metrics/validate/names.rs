//! Validates prefixes and names of labels.

use super::BuildError;
use crate::family::is_family_label;

/// The longest prefix and the longest name of a label, in bytes. Prometheus has no limit, but some
/// stores do, and dashboards cannot show longer names.
const MAX_NAME_BYTES: usize = 100;

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

/// Validates the prefix of all metric names, which may be empty.
pub(in crate::metrics) fn prefix(prefix: &str) -> Result<(), BuildError> {
    let reason = if is_name(prefix) {
        let Some(reason) = prefix_problem(prefix) else { return Ok(()) };
        reason
    } else {
        "cannot begin a metric name: use letters, digits and `_`, with no digit first, for example \
         \"my_app\""
            .to_owned()
    };
    Err(BuildError::Prefix { prefix: prefix.to_owned(), reason })
}

/// Returns why a prefix of valid characters is refused: it is too long, reserved, or ends in `_`.
pub(super) fn prefix_problem(prefix: &str) -> Option<String> {
    let bare = prefix.trim_matches('_');
    let instead = if is_name(bare) { bare.to_owned() } else { format!("_{bare}") };
    if prefix.len() > MAX_NAME_BYTES {
        let length = prefix.len();
        Some(format!("has {length} bytes: use at most {MAX_NAME_BYTES}"))
    } else if prefix.starts_with("__") {
        Some(format!("is reserved, as all names that begin with `__` are: use {instead:?}"))
    } else if prefix.ends_with('_') {
        Some(format!(
            "would make names such as {prefix}_http_requests_total, because a `_` is added to it: \
             use {instead:?}"
        ))
    } else {
        None
    }
}

/// Validates the name of a label of `build_info`, which may have the name of a label of a family.
pub(super) fn any_label_name(name: &str) -> Result<(), BuildError> {
    let invalid = |reason| Err(BuildError::LabelName { name: name.to_owned(), reason });
    if name.is_empty() || !is_name(name) {
        return invalid("use letters, digits and `_`, with no digit first, for example \"region\"");
    }
    if name.len() > MAX_NAME_BYTES {
        return invalid("it has more than 100 bytes: use a shorter one");
    }
    if name.starts_with("__") || name == "le" || name == "quantile" {
        return Err(BuildError::LabelTaken { name: name.to_owned() });
    }
    Ok(())
}

/// Validates the name of a label that is added to the families.
pub(super) fn added_label_name(name: &str) -> Result<(), BuildError> {
    any_label_name(name)?;
    if is_family_label(name) {
        Err(BuildError::LabelTaken { name: name.to_owned() })
    } else {
        Ok(())
    }
}
