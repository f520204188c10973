//! The model calls that usage recorded by hand may belong to.

use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use super::ManualUsage;
use crate::callsite::Site;
use crate::label::Label;
use crate::outcome::Termination;
use crate::series::{EndpointSeries, TokenSeries};
use crate::usage::Usage;
use crate::usage::{FinishReason, MissingReason};

/// A tracked call that has begun and whose usage may still come.
///
/// Its endpoint is found when it is needed, because another attribute of the same function may name
/// it only after the call has begun.
pub(crate) struct OpenCall {
    id: CallId,
    site: &'static Site,
    provider: Label,
    model: Label,
    recorded: bool,
    /// Whether its function has returned, and the request is to close it.
    left: bool,
    /// There only once somebody asked for a handle.
    shared: Option<Arc<SharedCall>>,
}

/// Tells the calls of a process apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CallId {
    number: u64,
    /// The number of the first call of the request that this one began in.
    first: u64,
}

impl OpenCall {
    pub(crate) fn new(site: &'static Site, provider: Label, model: Label) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Relaxed);
        let id = CallId { number, first: number };
        Self { id, site, provider, model, recorded: false, left: false, shared: None }
    }

    /// The same call, for whoever may end it where this one is out of reach.
    pub(crate) fn detached(&self) -> Self {
        let Self { id, site, ref provider, ref model, .. } = *self;
        let (provider, model) = (provider.clone(), model.clone());
        Self { id, site, provider, model, recorded: false, left: false, shared: None }
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
    pub(crate) fn mark_recorded(&mut self) {
        self.recorded = true;
    }

    /// What a handle keeps, to record usage for this call from elsewhere.
    pub(crate) fn share(&mut self, series: Arc<TokenSeries>) -> Arc<SharedCall> {
        let shared = self.shared.get_or_insert_with(|| Arc::new(SharedCall::new(series)));
        Arc::clone(shared)
    }

    /// Fills in what the attribute has not named.
    pub(crate) fn or(mut self, provider: Label, model: Label) -> Self {
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

    /// Whether usage has been recorded for this call.
    pub(crate) fn is_recorded(&self) -> bool {
        self.recorded || self.shared.as_ref().is_some_and(|shared| shared.recorded.load(Relaxed))
    }

    /// The call's reply is read from now on, and counts the call: its handles help.
    pub(crate) fn read(&mut self, manual_usage: &Arc<ManualUsage>) {
        if let Some(shared) = &self.shared {
            let _ = shared.reading.set(Arc::clone(manual_usage));
        }
    }

    /// Closes the call with its request. One whose function still runs has left for another task, which
    /// closes it.
    pub(crate) fn close_with_request(
        self,
        endpoint: impl FnOnce(&'static Site) -> Arc<EndpointSeries>,
        ending: Termination,
    ) {
        if self.left {
            let endpoint = endpoint(self.site);
            self.close(&endpoint, ending);
        } else if let Some(shared) = &self.shared {
            shared.recorded.store(true, Relaxed);
        }
    }

    /// Closes the call: usage that never came is counted as missing, if no handle can bring it any
    /// more.
    pub(crate) fn close(self, endpoint: &EndpointSeries, ending: Termination) {
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
    ending: OnceLock<Termination>,
    /// There once the call's reply is read, which then counts the call.
    reading: OnceLock<Arc<ManualUsage>>,
}

impl SharedCall {
    fn new(series: Arc<TokenSeries>) -> Self {
        let (ending, reading) = (OnceLock::new(), OnceLock::new());
        Self { series, recorded: AtomicBool::new(false), ending, reading }
    }

    /// Records usage for this call.
    pub(crate) fn record(&self, usage: Usage) {
        match self.reading.get() {
            Some(manual_usage) => manual_usage.record(usage),
            None => {
                self.series.record(&usage, FinishReason::Unknown);
                self.recorded.store(true, Relaxed);
            }
        }
    }

    fn close(&self, recorded: bool, ending: Termination) {
        if recorded {
            self.recorded.store(true, Relaxed);
        }
        let _ = self.ending.set(ending);
    }
}

impl Drop for SharedCall {
    fn drop(&mut self) {
        if !*self.recorded.get_mut() {
            count_missing(
                &self.series,
                self.ending.get().copied().unwrap_or(Termination::Complete),
            );
        }
    }
}

fn count_missing(series: &TokenSeries, ending: Termination) {
    let (finish, missing) = match ending {
        Termination::Complete => (FinishReason::Unknown, MissingReason::NotSent),
        Termination::Failed | Termination::Panicked => {
            (FinishReason::Error, MissingReason::NotSent)
        }
        Termination::ClientDisconnected => (FinishReason::Cancelled, MissingReason::Disconnected),
    };
    series.calls(finish).add(1);
    series.missing(missing).add(1);
}

/// The open calls of a request. Most requests have one: it needs no allocation.
#[derive(Default)]
pub(crate) struct OpenCalls {
    newest: Option<OpenCall>,
    older: Vec<OpenCall>,
    left: Option<CallId>,
    /// The number of the first that has begun.
    first: Option<u64>,
}

impl OpenCalls {
    /// Begins a call. The one given is the same from then on, for whoever may end it elsewhere.
    pub(crate) fn begin(&mut self, call: &mut OpenCall) {
        call.id.first = *self.first.get_or_insert(call.id.number);
        self.older.extend(self.newest.replace(call.detached()));
    }

    /// Whether a call began in this request. If so and it is not open, its reply is read.
    pub(crate) fn has_begun(&self, id: CallId) -> bool {
        self.first == Some(id.first)
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

    /// The newest call that the function of a site has begun.
    pub(crate) fn newest_of(&self, site: &Site) -> Option<&OpenCall> {
        let mut calls = self.newest.iter().chain(self.older.iter().rev());
        calls.find(|call| call.site.is_beside(site))
    }

    /// Leaves a call open whose function has returned a stream, which may be claimed by now.
    pub(crate) fn leave(&mut self, id: CallId, is_claimed: bool) {
        let mut calls = self.newest.iter_mut().chain(&mut self.older);
        if let Some(call) = calls.find(|call| call.id == id) {
            call.left = true;
            if !is_claimed {
                self.left = Some(id);
            }
        }
    }

    /// The call that has been left open just now, if it is one of this site's function.
    pub(crate) fn left_of(&mut self, site: &Site) -> Option<CallId> {
        let left = self.left?;
        let mut calls = self.newest.iter().chain(&self.older);
        let is_its = calls.any(|call| call.id == left && call.site.is_beside(site));
        is_its.then(|| self.left.take()).flatten()
    }

    /// Takes the newest call out.
    pub(crate) fn pop(&mut self) -> Option<OpenCall> {
        mem::replace(&mut self.newest, self.older.pop())
    }
}
