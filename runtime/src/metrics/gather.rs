//! Gathering from a registry in which others are, too.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use prometheus::Registry;
use prometheus::proto::MetricFamily;

use crate::family::{Families, elsewhere, is_gathered};

/// Why nothing was gathered.
pub(crate) enum GatherError {
    /// A collector has panicked, and said this.
    Panicked(String),
    /// A collector asks for what it is gathered for.
    Nested,
}

/// Gathers all that is in a registry, but for these families.
pub(crate) fn gather(
    registry: &Registry,
    but: Option<&Families>,
) -> Result<Vec<MetricFamily>, GatherError> {
    if but.is_some_and(is_gathered) {
        return Err(GatherError::Nested);
    }
    let gathered = || match but {
        Some(families) => elsewhere(families, || registry.gather()),
        None => registry.gather(),
    };
    // The registry's lock is not poisoned by what passes through it.
    catch_unwind(AssertUnwindSafe(gathered)).map_err(|panic| GatherError::Panicked(said(&*panic)))
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "it does not say why".to_owned())
}
