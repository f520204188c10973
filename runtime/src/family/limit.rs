//! The limit of a label, and the value that replaces values beyond it.

/// The label value that replaces values beyond a limit and values that are not allowed.
pub(crate) const OVERFLOW: &str = "other";

/// The limit of a label. Values beyond the limit are recorded as `other`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LabelLimit {
    /// The number of distinct values in one family.
    pub(crate) max_values: usize,
    /// The length of a value, in bytes.
    pub(crate) max_bytes: usize,
}
