//! The units of the results of queries, which follow from the units of the families.

use crate::family::BaseUnit;

/// The unit of the results of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::monitoring) enum Unit {
    Number,
    Seconds,
    Bytes,
    Dollars,
    Share,
    PerSecond,
    RequestsPerSecond,
    BytesPerSecond,
    DollarsPerSecond,
}

impl Unit {
    /// Returns the unit of values of a family.
    pub(super) fn of(base: BaseUnit) -> Self {
        match base {
            BaseUnit::Seconds => Self::Seconds,
            BaseUnit::Bytes => Self::Bytes,
            BaseUnit::Dollars => Self::Dollars,
            BaseUnit::Requests | BaseUnit::Number => Self::Number,
        }
    }

    /// Returns the unit of the increase of values per second.
    pub(super) fn rate_of(base: BaseUnit) -> Self {
        match base {
            // Seconds per second.
            BaseUnit::Seconds => Self::Number,
            BaseUnit::Bytes => Self::BytesPerSecond,
            BaseUnit::Dollars => Self::DollarsPerSecond,
            BaseUnit::Requests => Self::RequestsPerSecond,
            BaseUnit::Number => Self::PerSecond,
        }
    }

    /// Returns the unit of rates that are converted to rates per hour: the unit of what is
    /// counted, because dashboards have no units per hour.
    pub(super) fn per_hour(self) -> Self {
        match self {
            Self::BytesPerSecond => Self::Bytes,
            Self::DollarsPerSecond => Self::Dollars,
            _ => Self::Number,
        }
    }

    /// Returns the unit of a ratio.
    pub(super) fn divided_by(self, divisor: Self) -> Self {
        if self == divisor { Self::Share } else { Self::Number }
    }
}
