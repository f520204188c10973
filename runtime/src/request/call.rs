//! The model call that usage recorded by hand belongs to.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::Ending;
use crate::family::{FinishReason, MissingReason};
use crate::site::{EndpointSeries, Site, TokenSeries};

/// A tracked call that has begun and whose usage may still come.
///
/// Its endpoint is found when it is needed, because another attribute of the same function may name
/// it only after the call has begun.
pub(crate) struct OpenCall {
    site: &'static Site,
    provider: Cow<'static, str>,
    model: Cow<'static, str>,
    recorded: bool,
    /// Set by a handle in another task; there only once somebody asked for a handle.
    recorded_elsewhere: Option<Arc<AtomicBool>>,
}

impl OpenCall {
    pub(crate) fn new(
        site: &'static Site,
        provider: Cow<'static, str>,
        model: Cow<'static, str>,
    ) -> Self {
        Self { site, provider, model, recorded: false, recorded_elsewhere: None }
    }

    pub(crate) fn site(&self) -> &'static Site {
        self.site
    }

    /// The series of this call. Where the attribute names no model, the reply may.
    pub(crate) fn series(
        &self,
        endpoint: &EndpointSeries,
        replied: Option<&str>,
    ) -> Arc<TokenSeries> {
        let model = match replied {
            Some(model) if self.model.is_empty() => model,
            _ => &self.model,
        };
        endpoint.tokens(&self.provider, model)
    }

    /// Notes that usage has been recorded for this call.
    pub(crate) fn settle(&mut self) {
        self.recorded = true;
    }

    /// What a handle sets when it records usage for this call.
    pub(crate) fn share(&mut self) -> Arc<AtomicBool> {
        Arc::clone(self.recorded_elsewhere.get_or_insert_default())
    }

    /// Closes the call: usage that never came is counted as missing.
    pub(crate) fn close(self, endpoint: &EndpointSeries, ending: Ending) {
        let elsewhere = self.recorded_elsewhere.as_ref().is_some_and(|flag| flag.load(Relaxed));
        if self.recorded || elsewhere {
            return;
        }
        let (finish, missing) = match ending {
            Ending::Complete => (FinishReason::Unknown, MissingReason::NotSent),
            Ending::Failed | Ending::Panicked => (FinishReason::Error, MissingReason::NotSent),
            Ending::Left => (FinishReason::Cancelled, MissingReason::Disconnected),
        };
        let series = self.series(endpoint, None);
        series.calls(finish).add(1);
        series.missing(missing).add(1);
    }
}
