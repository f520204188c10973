//! Calls that have begun and are not closed.

use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use super::ManualUsage;
use crate::callsite::Site;
use crate::label::Label;
use crate::outcome::Termination;
use crate::series::{EndpointSeries, TokenSeries};
use crate::usage::{FinishReason, Usage};

/// A call of a tracked function that has begun and is not closed. User code may have recorded usage
/// for it already.
///
/// The endpoint is looked up when the call is recorded: another attribute of the same function may
/// set it after the call has begun.
pub(crate) struct OpenCall {
    id: CallId,
    site: &'static Site,
    provider: Label,
    model: Label,
    /// Whether usage has been recorded for this call.
    recorded: bool,
    /// Whether the function has returned, so that the request closes the call.
    left_to_request: bool,
    /// Created with the first handle of `token_usage_context`.
    shared: Option<Arc<SharedCall>>,
}

/// Identifies a call within the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CallId {
    number: u64,
    /// The number of the first call of the same request.
    first_of_request: u64,
}

impl OpenCall {
    /// Begins a call. `provider` and `model` are empty if the attribute does not name them.
    pub(crate) fn new(site: &'static Site, provider: Label, model: Label) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Relaxed);
        let id = CallId { number, first_of_request: number };
        Self { id, site, provider, model, recorded: false, left_to_request: false, shared: None }
    }

    /// Returns the same call without its handles. It is used if the call ends in a task that cannot
    /// reach the scope of the request.
    pub(crate) fn detached(&self) -> Self {
        let Self { id, site, ref provider, ref model, .. } = *self;
        let (provider, model) = (provider.clone(), model.clone());
        Self { id, site, provider, model, recorded: false, left_to_request: false, shared: None }
    }

    pub(crate) fn id(&self) -> CallId {
        self.id
    }

    pub(crate) fn site(&self) -> &'static Site {
        self.site
    }

    /// Returns the series of this call. The model that the reply names is used if the attribute
    /// names none.
    pub(crate) fn series(
        &self,
        endpoint: &EndpointSeries,
        replied_model: Option<&str>,
    ) -> Arc<TokenSeries> {
        let model = match replied_model {
            Some(model) if self.model.is_empty() => model,
            _ => &self.model,
        };
        endpoint.tokens(&self.provider, model)
    }

    /// Notes that usage has been recorded for this call.
    pub(crate) fn mark_recorded(&mut self) {
        self.recorded = true;
    }

    /// Returns the part of the call that a handle keeps, to record usage from another task.
    pub(crate) fn share(&mut self, series: Arc<TokenSeries>) -> Arc<SharedCall> {
        let shared = self.shared.get_or_insert_with(|| Arc::new(SharedCall::new(series)));
        Arc::clone(shared)
    }

    /// Fills in the labels that the attribute of this call does not name.
    pub(crate) fn or_labels(mut self, provider: Label, model: Label) -> Self {
        for (own, other) in [(&mut self.provider, provider), (&mut self.model, model)] {
            if own.is_empty() {
                *own = other;
            }
        }
        self
    }

    /// Returns the model that the attribute names; empty if it names none.
    pub(crate) fn model(&self) -> &str {
        &self.model
    }

    /// Returns whether usage has been recorded for this call.
    pub(crate) fn is_recorded(&self) -> bool {
        self.recorded || self.shared.as_ref().is_some_and(|shared| shared.recorded.load(Relaxed))
    }

    /// Passes usage that the handles record to the parser of the reply, which records the call.
    pub(crate) fn forward_handles_to(&mut self, manual_usage: &Arc<ManualUsage>) {
        if let Some(shared) = &self.shared {
            let _ = shared.parsing.set(Arc::clone(manual_usage));
        }
    }

    /// Closes the call when its request ends. A call whose function still runs has moved to another
    /// task, which closes it.
    pub(crate) fn close_with_request(
        self,
        endpoint: impl FnOnce(&'static Site) -> Arc<EndpointSeries>,
        termination: Termination,
    ) {
        if self.left_to_request {
            let endpoint = endpoint(self.site);
            self.close(&endpoint, termination);
        } else if let Some(shared) = &self.shared {
            shared.recorded.store(true, Relaxed);
        }
    }

    /// Closes the call. If no usage was recorded and no handle can record any, the usage is
    /// missing.
    pub(crate) fn close(self, endpoint: &EndpointSeries, termination: Termination) {
        match &self.shared {
            Some(shared) => shared.close(self.recorded, termination),
            None if self.recorded => {}
            None => record_missing_usage(&self.series(endpoint, None), termination),
        }
    }
}

/// The part of a call that its handles share. Dropping the last owner closes the call.
pub(crate) struct SharedCall {
    series: Arc<TokenSeries>,
    recorded: AtomicBool,
    termination: OnceLock<Termination>,
    /// Set when the reply is parsed. The parser then records the call.
    parsing: OnceLock<Arc<ManualUsage>>,
}

impl SharedCall {
    fn new(series: Arc<TokenSeries>) -> Self {
        let (termination, parsing) = (OnceLock::new(), OnceLock::new());
        Self { series, recorded: AtomicBool::new(false), termination, parsing }
    }

    /// Records usage for this call.
    pub(crate) fn record(&self, usage: Usage) {
        match self.parsing.get() {
            Some(manual_usage) => manual_usage.record(usage),
            None => {
                self.series.record(&usage, FinishReason::Unknown);
                self.recorded.store(true, Relaxed);
            }
        }
    }

    fn close(&self, recorded: bool, termination: Termination) {
        if recorded {
            self.recorded.store(true, Relaxed);
        }
        let _ = self.termination.set(termination);
    }
}

impl Drop for SharedCall {
    fn drop(&mut self) {
        if !*self.recorded.get_mut() {
            let termination = self.termination.get().copied().unwrap_or(Termination::Complete);
            record_missing_usage(&self.series, termination);
        }
    }
}

/// Records a call that ended without usage.
fn record_missing_usage(series: &TokenSeries, termination: Termination) {
    series.record_missing(termination.finish_reason(), termination.missing_reason());
}

/// The open calls of a request. Most requests have at most one, which is stored without an
/// allocation.
#[derive(Default)]
pub(crate) struct OpenCalls {
    newest: Option<OpenCall>,
    older: Vec<OpenCall>,
    /// The call whose function has just returned a stream that no attribute has taken yet.
    just_left: Option<CallId>,
    /// The number of the first call that began in this request.
    first: Option<u64>,
}

impl OpenCalls {
    /// Adds a call that begins. Also sets the request in `call`, because its owner may end the call
    /// in another task.
    pub(crate) fn begin(&mut self, call: &mut OpenCall) {
        call.id.first_of_request = *self.first.get_or_insert(call.id.number);
        self.older.extend(self.newest.replace(call.detached()));
    }

    /// Returns whether a call began in this request. A call that began here and is no longer open
    /// has a reply that is being parsed.
    pub(crate) fn has_begun(&self, id: CallId) -> bool {
        self.first == Some(id.first_of_request)
    }

    /// Returns the call that manually recorded usage belongs to.
    pub(crate) fn newest(&mut self) -> Option<&mut OpenCall> {
        self.newest.as_mut()
    }

    /// Removes a call. Concurrent calls end in any order.
    pub(crate) fn end(&mut self, id: CallId) -> Option<OpenCall> {
        if self.newest.as_ref().is_some_and(|call| call.id == id) {
            return self.pop();
        }
        let index = self.older.iter().position(|call| call.id == id)?;
        Some(self.older.remove(index))
    }

    /// Returns the newest call that the function of `site` has begun.
    pub(crate) fn newest_for_site(&self, site: &Site) -> Option<&OpenCall> {
        let mut calls = self.newest.iter().chain(self.older.iter().rev());
        calls.find(|call| call.site.is_same_function(site))
    }

    /// Leaves a call to the request: its function has returned a stream. `has_stream` is true if an
    /// attribute has connected the stream with the call already.
    pub(crate) fn leave(&mut self, id: CallId, has_stream: bool) {
        let mut calls = self.newest.iter_mut().chain(&mut self.older);
        if let Some(call) = calls.find(|call| call.id == id) {
            call.left_to_request = true;
            if !has_stream {
                self.just_left = Some(id);
            }
        }
    }

    /// Takes the call that was just left, if the function of `site` began it.
    pub(crate) fn take_just_left(&mut self, site: &Site) -> Option<CallId> {
        let left = self.just_left?;
        let mut calls = self.newest.iter().chain(&self.older);
        let is_of_site = calls.any(|call| call.id == left && call.site.is_same_function(site));
        is_of_site.then(|| self.just_left.take()).flatten()
    }

    /// Removes the newest call.
    pub(crate) fn pop(&mut self) -> Option<OpenCall> {
        mem::replace(&mut self.newest, self.older.pop())
    }
}
