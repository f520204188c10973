//! The model calls that usage recorded by hand may belong to.

use std::borrow::Cow;
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use super::Ending;
use crate::family::{FinishReason, MissingReason};
use crate::site::{EndpointSeries, Site, TokenSeries};

/// A tracked call that has begun and whose usage may still come.
///
/// Its endpoint is found when it is needed, because another attribute of the same function may name
/// it only after the call has begun.
pub(crate) struct OpenCall {
    id: CallId,
    site: &'static Site,
    provider: Cow<'static, str>,
    model: Cow<'static, str>,
    recorded: bool,
    /// There only once somebody asked for a handle.
    shared: Option<Arc<SharedCall>>,
}

/// Tells the calls of a process apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CallId(u64);

impl OpenCall {
    pub(crate) fn new(
        site: &'static Site,
        provider: Cow<'static, str>,
        model: Cow<'static, str>,
    ) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = CallId(NEXT.fetch_add(1, Relaxed));
        Self { id, site, provider, model, recorded: false, shared: None }
    }

    pub(crate) fn id(&self) -> CallId {
        self.id
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

    /// What a handle keeps, to record usage for this call from elsewhere.
    pub(crate) fn share(&mut self, series: Arc<TokenSeries>) -> Arc<SharedCall> {
        let shared = self.shared.get_or_insert_with(|| Arc::new(SharedCall::new(series)));
        Arc::clone(shared)
    }

    /// Fills in what the attribute has not named.
    pub(crate) fn or(mut self, provider: Cow<'static, str>, model: Cow<'static, str>) -> Self {
        for (mine, other) in [(&mut self.provider, provider), (&mut self.model, model)] {
            if mine.is_empty() {
                *mine = other;
            }
        }
        self
    }

    /// The model that the attribute names; empty where it names none.
    pub(crate) fn model(&self) -> &str {
        &self.model
    }

    /// Counts the call as one without usage, if nobody has recorded any nor will.
    pub(crate) fn miss(
        &mut self,
        series: &TokenSeries,
        finish: FinishReason,
        missing: MissingReason,
    ) {
        if self.shared.is_none() && !self.recorded {
            series.calls(finish).add(1);
            series.missing(missing).add(1);
            self.recorded = true;
        }
    }

    /// Closes the call: usage that never came is counted as missing, if no handle can bring it any
    /// more.
    pub(crate) fn close(self, endpoint: &EndpointSeries, ending: Ending) {
        match &self.shared {
            Some(shared) => shared.close(self.recorded, ending),
            None if self.recorded => {}
            None => count_missing(&self.series(endpoint, None), ending),
        }
    }
}

/// A call that handles point to. The last of its owners closes it.
pub(crate) struct SharedCall {
    series: Arc<TokenSeries>,
    recorded: AtomicBool,
    ending: OnceLock<Ending>,
}

impl SharedCall {
    fn new(series: Arc<TokenSeries>) -> Self {
        Self { series, recorded: AtomicBool::new(false), ending: OnceLock::new() }
    }

    pub(crate) fn series(&self) -> &TokenSeries {
        &self.series
    }

    /// Notes that usage has been recorded for this call.
    pub(crate) fn settle(&self) {
        self.recorded.store(true, Relaxed);
    }

    fn close(&self, recorded: bool, ending: Ending) {
        if recorded {
            self.settle();
        }
        let _ = self.ending.set(ending);
    }
}

impl Drop for SharedCall {
    fn drop(&mut self) {
        if !*self.recorded.get_mut() {
            count_missing(&self.series, self.ending.get().copied().unwrap_or(Ending::Complete));
        }
    }
}

fn count_missing(series: &TokenSeries, ending: Ending) {
    let (finish, missing) = match ending {
        Ending::Complete => (FinishReason::Unknown, MissingReason::NotSent),
        Ending::Failed | Ending::Panicked => (FinishReason::Error, MissingReason::NotSent),
        Ending::Left => (FinishReason::Cancelled, MissingReason::Disconnected),
    };
    series.calls(finish).add(1);
    series.missing(missing).add(1);
}

/// The open calls of a request. Most requests have one: it needs no allocation.
#[derive(Default)]
pub(crate) struct OpenCalls {
    newest: Option<OpenCall>,
    older: Vec<OpenCall>,
}

impl OpenCalls {
    pub(crate) fn begin(&mut self, call: OpenCall) {
        self.older.extend(self.newest.replace(call));
    }

    /// The call that usage recorded by hand belongs to.
    pub(crate) fn newest(&mut self) -> Option<&mut OpenCall> {
        self.newest.as_mut()
    }

    /// Takes a call out; calls that run at once end in any order.
    pub(crate) fn end(&mut self, id: CallId) -> Option<OpenCall> {
        if self.newest.as_ref().is_some_and(|call| call.id == id) {
            return mem::replace(&mut self.newest, self.older.pop());
        }
        let place = self.older.iter().position(|call| call.id == id)?;
        Some(self.older.remove(place))
    }

    /// Takes out the newest call that the function of a site has begun.
    pub(crate) fn end_of(&mut self, site: &Site) -> Option<OpenCall> {
        let is_its = |call: &OpenCall| call.site.is_beside(site);
        let calls = self.newest.iter().chain(self.older.iter().rev());
        let id = calls.into_iter().find(|call| is_its(call)).map(OpenCall::id)?;
        self.end(id)
    }

    /// Takes the newest call out.
    pub(crate) fn pop(&mut self) -> Option<OpenCall> {
        mem::replace(&mut self.newest, self.older.pop())
    }
}
