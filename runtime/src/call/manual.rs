//! Usage that the user's code records while the bytes of the same reply are parsed.

use std::mem;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::series::TokenSeries;
use crate::usage::{FinishReason, MissingReason, Usage};

/// The usage that user code records for a call whose reply is parsed.
///
/// The parser and the handles of `token_usage_context` share it. Dropping the last of them records
/// the call as missing usage, if neither the reply nor a handle has supplied any.
#[derive(Default)]
pub(crate) struct ManualUsage(Mutex<State>);

enum State {
    /// The reply is being parsed. Recorded usage is added up until the reply ends.
    Parsing(Option<Usage>),
    /// The reply has ended without usage. The first usage that is recorded is the call's.
    NoUsageYet(Arc<TokenSeries>, FinishReason, MissingReason),
    /// The call is recorded. Usage that is recorded from now on counts as a call of its own.
    Recorded(Arc<TokenSeries>),
}

impl Default for State {
    fn default() -> Self {
        Self::Parsing(None)
    }
}

impl ManualUsage {
    /// Records usage that user code supplies.
    pub(crate) fn record(&self, usage: Usage) {
        let mut state = self.0.lock();
        match &mut *state {
            State::Parsing(recorded) => {
                *recorded = Some(recorded.map_or(usage, |before| before.plus(usage)));
            }
            State::NoUsageYet(series, finish, _) => {
                series.record(&usage, *finish);
                *state = State::Recorded(Arc::clone(series));
            }
            State::Recorded(series) => series.record(&usage, FinishReason::Unknown),
        }
    }

    /// Records the call when its reply has ended. Returns the call's usage: per field, the larger
    /// of the parsed and the recorded count. `missing` is the reason to record if there is no
    /// usage.
    pub(crate) fn record_call(
        &self,
        parsed: Option<Usage>,
        series: Arc<TokenSeries>,
        finish: FinishReason,
        missing: Option<MissingReason>,
    ) -> Option<Usage> {
        let mut state = self.0.lock();
        let recorded = match &mut *state {
            State::Parsing(recorded) => recorded.take(),
            State::NoUsageYet(..) | State::Recorded(_) => None,
        };
        let usage = match (parsed, recorded) {
            (Some(parsed), Some(recorded)) => Some(parsed.max_per_field(recorded)),
            (parsed, recorded) => parsed.or(recorded),
        };
        if let Some(usage) = &usage {
            series.record(usage, finish);
        }
        *state = match missing {
            Some(missing) if usage.is_none() => State::NoUsageYet(series, finish, missing),
            _ => State::Recorded(series),
        };
        usage
    }
}

impl Drop for ManualUsage {
    fn drop(&mut self) {
        if let State::NoUsageYet(series, finish, missing) = mem::take(self.0.get_mut()) {
            series.record_missing(finish, missing);
        }
    }
}
