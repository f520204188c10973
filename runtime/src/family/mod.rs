//! The metric families of an instance and the storage of their series.
//!
//! [`Families`] is the table of all families: it defines the name, type, labels and help text of
//! each. [`Family::series`] returns the handle through which a series is recorded.
//!
//! The storage replaces `CounterVec` and its siblings of the crate `prometheus`, which identify a
//! series by the hash of its label values alone, have no limit on the number of series, and let all
//! threads add to the same atomics. Here each thread adds to cells of its own: the module `cells`
//! describes them.

mod bounded_map;
mod cells;
mod collector;
#[cfg(feature = "monitoring")]
mod description;
#[cfg(feature = "exemplars")]
mod exemplar;
mod handle;
mod histogram;
mod limit;
mod options;
mod padded_text;
mod primitives;
mod request_labels;
mod snapshot;
mod store;
mod table;

pub(crate) use self::bounded_map::{AppendList, BEYOND_LIMIT, BoundedMap};
pub(crate) use self::cells::{Writer, recording};
pub(crate) use self::collector::{FamilyCollector, are_excluded, exclude_while};
#[cfg(feature = "monitoring")]
pub(crate) use self::description::{BaseUnit, Described};
#[cfg(feature = "exemplars")]
pub(crate) use self::exemplar::{Exemplar, Trace};
pub(crate) use self::handle::SeriesHandle;
pub(crate) use self::histogram::{Batch, Histogram, nanos};
pub(crate) use self::limit::{LabelLimit, OVERFLOW};
pub(crate) use self::options::{AllowedValues, FamilyOptions, SeriesLimits, ValueSet};
pub(crate) use self::padded_text::PaddedText;
pub(crate) use self::primitives::{Counter, Gauge, Level, MoneyCounter};
pub(crate) use self::request_labels::{
    MAX_REQUEST_LABELS, RequestLabelBound, RequestLabelValues, RequestLabels,
};
pub(crate) use self::snapshot::{
    ConstLabels, HistogramSnapshot, SeriesKey, SeriesLabels, SeriesSink, SeriesValue,
    openmetrics_float, push_escaped, push_label,
};
pub(crate) use self::store::{AnyFamily, Family, LabelValues};
pub(crate) use self::table::{
    Families, FamilyGroup, histogram_name, histogram_names, is_family_label,
};
#[cfg(feature = "monitoring")]
pub(crate) use self::table::{default_buckets, described};
