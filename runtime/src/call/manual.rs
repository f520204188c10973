//! Usage recorded by hand while a protocol is read.

use std::mem;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::series::TokenSeries;
use crate::usage::Usage;
use crate::usage::{FinishReason, MissingReason};

/// What is recorded by hand for the call behind a reply whose protocol is read. The last of its owners, of
/// which handles are some, counts a call that nobody knew the usage of.
#[derive(Default)]
pub(crate) struct ManualUsage(Mutex<State>);

enum State {
    /// The reply is being read: what is recorded adds up until then.
    ReplyParser(Option<Usage>),
    /// It has been read and told nothing: the first to record does.
    NoUsageYet(Arc<TokenSeries>, FinishReason, MissingReason),
    /// The call is counted: what comes now is a call of its own.
    Counted(Arc<TokenSeries>),
}

impl Default for State {
    fn default() -> Self {
        Self::ReplyParser(None)
    }
}

impl ManualUsage {
    /// Records what somebody knows by hand.
    pub(crate) fn record(&self, usage: Usage) {
        let mut state = self.0.lock();
        match &mut *state {
            State::ReplyParser(recorded) => {
                *recorded = Some(recorded.map_or(usage, |before| before.plus(usage)));
            }
            State::NoUsageYet(series, finish, _) => {
                series.record(&usage, *finish);
                *state = State::Counted(Arc::clone(series));
            }
            State::Counted(series) => series.record(&usage, FinishReason::Unknown),
        }
    }

    /// Counts the call: the reply has been read to its end, and has told so much. Where nobody knows more it
    /// is `missing`, if it is. Gives back what is known from there and by hand.
    pub(crate) fn count(
        &self,
        told: Option<Usage>,
        series: Arc<TokenSeries>,
        finish: FinishReason,
        missing: Option<MissingReason>,
    ) -> Option<Usage> {
        let mut state = self.0.lock();
        let recorded = match &mut *state {
            State::ReplyParser(recorded) => recorded.take(),
            State::NoUsageYet(..) | State::Counted(_) => None,
        };
        let usage = match (told, recorded) {
            (Some(told), Some(recorded)) => Some(told.or_more(recorded)),
            (told, recorded) => told.or(recorded),
        };
        if let Some(usage) = &usage {
            series.record(usage, finish);
        }
        *state = match missing {
            Some(missing) if usage.is_none() => State::NoUsageYet(series, finish, missing),
            _ => State::Counted(series),
        };
        usage
    }
}

impl Drop for ManualUsage {
    fn drop(&mut self) {
        if let State::NoUsageYet(series, finish, missing) = mem::take(self.0.get_mut()) {
            series.calls(finish).add(1);
            series.missing(missing).add(1);
        }
    }
}
