//! One model call: open, then perhaps parsing, then closed.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::thread;
use std::time::Instant;

use http::HeaderMap;
use parking_lot::Mutex;

use super::inner::{ChunkHash, InnerCalls};
use super::rate_limit::RateLimits;
use super::{EnteredCall, Reply, RequestCalls, current_call, current_request_calls};
use crate::callsite::Site;
use crate::label::Label;
use crate::llm::Operation;
use crate::metrics::Metrics;
use crate::outcome::{CallEnd, CallErrorType, CallOutcome, ReplyEnd, call_end};
use crate::series::{CallRecord, CallSeries, EndpointSeries};
use crate::usage::Usage;

/// A call of a tracked function, from its start to the end of its reply.
///
/// The function, the reader of its reply, the calls that are made within it and the handles of
/// `token_usage_context` share it. Its end is decided and recorded in [`close`](Self::close), once.
pub(crate) struct LlmCall {
    site: &'static Site,
    provider: Label,
    model: Label,
    started: Instant,
    /// The call that this one is made within.
    outer: Option<Arc<LlmCall>>,
    /// The calls of the request, and the number of this one among them.
    request: Option<(Arc<RequestCalls>, usize)>,
    /// The number of handles that may still record usage.
    handles: AtomicU32,
    /// Whether the reply is read and its first chunk has not arrived.
    awaits_first_chunk: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    phase: Phase,
    /// The usage that user code has recorded.
    recorded: Option<Usage>,
    /// The error that user code has reported.
    reported: Option<CallErrorType>,
    /// Why the call has failed, as the value that the function returned says.
    failure: Option<CallErrorType>,
    rate_limits: RateLimits,
    inner: InnerCalls,
    /// Whether the bytes of the reply are read by a call within this one.
    is_passed_on: bool,
    /// The calls within this one whose functions have returned a stream that nothing parses. Their
    /// usage comes from user code while the stream is sent, or from the reply of this call.
    waiting: Vec<Arc<LlmCall>>,
}

#[derive(Default)]
enum Phase {
    /// The function runs, or its reply is a stream that nothing parses.
    #[default]
    Open,
    /// The bytes of the reply are read.
    Parsing,
    /// The reply has ended without usage, which a handle may still record.
    AwaitingUsage(Box<Reply<'static>>, Instant),
    /// The call is recorded, or its reply belongs to calls within it.
    Closed(Option<Arc<CallSeries>>),
}

impl LlmCall {
    /// Begins a call in the request that `request` returns, or in the one that this task belongs to
    /// through a handle. `provider` and `model` are empty if the attribute does not name them.
    pub(crate) fn begin(
        site: &'static Site,
        provider: Label,
        model: Label,
        request: Option<Arc<RequestCalls>>,
    ) -> Arc<Self> {
        let started = Instant::now();
        let request = request.or_else(current_request_calls);
        let outer = current_call().or_else(|| request.as_ref()?.sent_call());
        if let Some(outer) = &outer {
            outer.outers_and_self().for_each(|outer| outer.state.lock().inner.note_begun());
        }
        let request = request.map(|calls| {
            let number = calls.begin(started);
            (calls, number)
        });
        pool::take(Self {
            site,
            provider,
            model,
            started,
            outer,
            request,
            handles: AtomicU32::new(0),
            awaits_first_chunk: AtomicBool::new(false),
            state: Mutex::default(),
        })
    }

    /// Returns the attribute that tracks this call.
    pub(crate) fn site(&self) -> &'static Site {
        self.site
    }

    /// Records usage that user code supplies. It is added to that of the call while the call is
    /// open; after that it is a call of its own.
    pub(crate) fn record(self: &Arc<Self>, usage: Usage) {
        let mut state = self.state.lock();
        match &mut state.phase {
            Phase::Open | Phase::Parsing => {
                state.recorded = Some(state.recorded.map_or(usage, |before| before.plus(usage)));
            }
            Phase::AwaitingUsage(reply, ended) => {
                let (reply, ended) = ((**reply).clone(), *ended);
                state.recorded = Some(usage);
                self.settle(state, &reply, ended);
            }
            Phase::Closed(series) => {
                let series = series.clone();
                drop(state);
                let series = series.unwrap_or_else(|| self.series(None));
                series.record(&CallRecord::of_usage(usage));
                if let Some((request, _)) = &self.request {
                    request.add_closed();
                }
            }
        }
    }

    /// Notes why user code says that the call fails.
    pub(crate) fn report_error(&self, error: CallErrorType) {
        self.state.lock().reported = Some(error);
    }

    /// Notes why the call has failed, as its returned value or its reply says.
    pub(crate) fn note_failure(&self, error: CallErrorType) {
        self.state.lock().failure = Some(error);
    }

    /// Notes what the headers of the reply say about the provider's rate limit.
    pub(crate) fn note_headers(&self, headers: &HeaderMap) {
        self.state.lock().rate_limits = RateLimits::read(headers);
    }

    /// Notes that the bytes of the reply are read.
    pub(super) fn begin_parsing(&self) {
        self.state.lock().phase = Phase::Parsing;
        self.awaits_first_chunk.store(true, Relaxed);
        if let Some((request, _)) = &self.request {
            request.begin_parsing();
        }
    }

    /// Returns the call whose reply is the body or the stream that this call returns: this one, or
    /// the newest call within it that has returned a stream which nothing parses. That stream is
    /// then the same reply, and both are one call.
    pub(super) fn with_body(self: Arc<Self>) -> Arc<Self> {
        let waiting = {
            let mut state = self.state.lock();
            if self.site.is_separate() { None } else { take_unsupplied(&mut state.waiting) }
        };
        match waiting {
            Some(inner) => {
                self.pass_on();
                self.finish(Reply::ended(ReplyEnd::Complete));
                inner.with_body()
            }
            None => self,
        }
    }

    /// Notes that the bytes of the reply are read by a call within this one, which is the one that
    /// counts.
    pub(crate) fn pass_on(&self) {
        self.state.lock().is_passed_on = true;
    }

    /// Must be called before each poll of the source that a reader of this call reads.
    pub(super) fn begin_poll(&self) {
        if self.awaits_first_chunk.load(Relaxed) {
            self.state.lock().inner.first_chunk = None;
        }
    }

    /// Notes a chunk that a reader of this call reads. If it is the first one, and a call within
    /// this one has read the same as its first one, in the same poll, both have the same reply.
    pub(super) fn note_chunk(&self, bytes: &[u8]) {
        let is_first = self.awaits_first_chunk.swap(false, Relaxed);
        if is_first {
            let mut state = self.state.lock();
            if let Some(first) = state.inner.first_chunk {
                state.is_passed_on |= first == ChunkHash::new(bytes);
            }
        }
        for outer in self.outers() {
            if outer.awaits_first_chunk.load(Relaxed) {
                let chunk = is_first.then(|| ChunkHash::new(bytes));
                outer.state.lock().inner.first_chunk = chunk;
            }
        }
    }

    /// Leaves a call open whose function has returned a stream that nothing parses. The call that it
    /// is made within closes it, else its request. Outside both the call ends now.
    pub(crate) fn leave_open(self: Arc<Self>) {
        if let Some(outer) = &self.outer {
            let mut state = outer.state.lock();
            if !matches!(state.phase, Phase::Closed(_)) {
                state.waiting.push(Arc::clone(&self));
                return;
            }
        }
        match &self.request {
            Some((request, _)) if request.leave(&self) => {}
            _ => self.finish(Reply::ended(ReplyEnd::Complete)),
        }
    }

    /// Returns the innermost call within this one that has been left open, or this one.
    pub(crate) fn innermost_left(self: Arc<Self>) -> Arc<Self> {
        let waiting = self.state.lock().waiting.last().cloned();
        waiting.map_or(self, Self::innermost_left)
    }

    /// Closes the call, and keeps its allocation for later calls.
    pub(crate) fn finish(self: Arc<Self>, reply: Reply<'_>) {
        self.close(reply);
        pool::put(self);
    }

    /// Closes the call with the end of its reply. Further calls do nothing.
    pub(crate) fn close(self: &Arc<Self>, reply: Reply<'_>) {
        let ended = Instant::now();
        let mut state = self.state.lock();
        match state.phase {
            Phase::Open => {}
            Phase::Parsing => {
                if let Some((request, _)) = &self.request {
                    request.end_parsing();
                }
            }
            Phase::AwaitingUsage(..) | Phase::Closed(_) => return,
        }
        let waiting = mem::take(&mut state.waiting);
        drop(state);
        for call in waiting.into_iter().rev() {
            call.finish(Reply::ended(reply.end));
        }
        self.settle(self.state.lock(), &reply, ended);
    }

    /// Decides whether the call counts, and records it if it does.
    fn settle(
        self: &Arc<Self>,
        mut state: parking_lot::MutexGuard<'_, State>,
        reply: &Reply<'_>,
        ended: Instant,
    ) {
        let usage = reply.usage_with(state.recorded);
        let is_cut_off = reply.end != ReplyEnd::Complete;
        let belongs_to_inner =
            !self.site.is_separate() && (state.is_passed_on || state.inner.own(usage, is_cut_off));
        let awaits_usage = usage.is_none() && self.handles.load(Relaxed) > 0;
        if awaits_usage && !belongs_to_inner && !matches!(state.phase, Phase::AwaitingUsage(..)) {
            state.phase = Phase::AwaitingUsage(Box::new(reply.clone().into_owned()), ended);
            drop(state);
            self.end_in_request(ended, true);
            return;
        }
        let series = (!belongs_to_inner).then(|| self.series(reply.model.as_deref()));
        let end = match (reply.end, state.failure) {
            (ReplyEnd::Failed(CallErrorType::Other) | ReplyEnd::Complete, Some(error)) => {
                ReplyEnd::Failed(error)
            }
            (end, _) => end,
        };
        let end = call_end(end, reply.finish, state.reported);
        let rate_limits = state.rate_limits;
        let inner = mem::take(&mut state.inner);
        state.phase = Phase::Closed(series.clone());
        drop(state);
        self.tell_outer(inner.usages(), usage.filter(|_| !belongs_to_inner));
        self.end_in_request(ended, !belongs_to_inner);
        if let Some(series) = series {
            self.record_end(&series, end, reply, usage, rate_limits, ended);
        }
    }

    /// Tells the call around this one the usage of this call and of those within it. A call that
    /// has closed already passes that on.
    fn tell_outer(&self, inner: &[Usage], own: Option<Usage>) {
        for outer in self.outers() {
            let mut state = outer.state.lock();
            if !matches!(state.phase, Phase::Closed(_)) {
                state.inner.extend(inner.iter().copied().chain(own));
                return;
            }
        }
    }

    fn end_in_request(&self, ended: Instant, counts: bool) {
        if let Some((request, number)) = &self.request {
            request.end(*number, ended, counts);
        }
    }

    fn record_end(
        &self,
        series: &Arc<CallSeries>,
        end: CallEnd,
        reply: &Reply<'_>,
        usage: Option<Usage>,
        rate_limits: RateLimits,
        ended: Instant,
    ) {
        let missing = end.outcome.missing_reason(usage.is_some(), reply.unread);
        series.record(&CallRecord {
            end,
            usage,
            missing,
            operation: self.operation(reply.operation),
            duration: ended - self.started,
            service_tier: reply.service_tier.as_deref(),
            provider_cost: reply.provider_cost,
        });
        for (resource, left) in rate_limits.iter() {
            series.rate_limit(resource.index(), resource.as_str(), left);
        }
        let Some(times) = reply.times else { return };
        series.record_first_token(times.first_token - self.started);
        match &self.request {
            Some((request, _)) => request.note_tokens(times, series),
            None => {
                series.record_request_first_token(times.first_token - self.started);
                if let Some(first_answer) = times.first_answer {
                    series.record_first_answer(first_answer - self.started);
                }
            }
        }
        if end.outcome == CallOutcome::Success {
            if let Some(tokens @ 2..) = usage.and_then(|usage| usage.output_tokens()) {
                series.record_output_pace(times.last_token - times.first_token, tokens - 1);
            }
        }
    }

    /// Returns the series of this call. A label that the attribute of this call does not name is
    /// taken from the attributes of the calls around it, and the model then from the reply.
    fn series(&self, replied_model: Option<&str>) -> Arc<CallSeries> {
        let models = self.outers_and_self().map(|call| &*call.model).chain(replied_model);
        let providers = self.outers_and_self().map(|call| &*call.provider);
        self.endpoint().calls(first_known_label(providers), first_known_label(models))
    }

    fn operation(&self, replied: Operation) -> Operation {
        let named = self.outers_and_self().map(|call| call.site.operation());
        named.chain([replied]).find(|known| *known != Operation::Unknown).unwrap_or(replied)
    }

    /// Returns the model that the attribute of this call, or one around it, names.
    pub(crate) fn named_model(&self) -> &str {
        first_known_label(self.outers_and_self().map(|call| &*call.model))
    }

    /// Returns the endpoint that the attribute of this call names, or one around it; else that of
    /// the request; else the name of the function.
    fn endpoint(&self) -> Arc<EndpointSeries> {
        let named =
            || self.outers_and_self().map(|call| call.site).find(|site| site.endpoint().is_some());
        match &self.request {
            Some((request, _)) => request.endpoint(named()),
            None => {
                let site = named().unwrap_or(self.site);
                Arc::clone(Metrics::global().endpoints().for_site(site))
            }
        }
    }

    fn outers(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(self.outer.as_deref(), |call| call.outer.as_deref())
    }

    fn outers_and_self(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(self.outers())
    }

    /// Returns whether this call is made within `outer`.
    pub(crate) fn is_within(&self, outer: &Self) -> bool {
        self.outers().any(|call| std::ptr::eq(call, outer))
    }
}

fn first_known_label<'a>(mut labels: impl Iterator<Item = &'a str>) -> &'a str {
    labels.find(|label| !label.is_empty()).unwrap_or_default()
}

/// Takes the newest of the calls for which no usage has been recorded.
fn take_unsupplied(waiting: &mut Vec<Arc<LlmCall>>) -> Option<Arc<LlmCall>> {
    let is_unsupplied = |call: &Arc<LlmCall>| {
        let state = call.state.lock();
        state.recorded.is_none() && matches!(state.phase, Phase::Open)
    };
    let newest = waiting.iter().rposition(is_unsupplied)?;
    Some(waiting.remove(newest))
}

/// Closes a call as cancelled or panicked when it is dropped, unless the call has been taken from
/// it.
pub(crate) struct CallGuard(Option<Arc<LlmCall>>);

impl CallGuard {
    /// A guard without a call.
    pub(crate) const NONE: Self = Self(None);

    pub(crate) fn new(call: Arc<LlmCall>) -> Self {
        Self(Some(call))
    }

    /// Returns the call, unless it has been taken.
    pub(crate) fn call(&self) -> Option<&Arc<LlmCall>> {
        self.0.as_ref()
    }

    /// Takes the call.
    pub(crate) fn take(&mut self) -> Option<Arc<LlmCall>> {
        self.0.take()
    }

    /// Notes why the call has failed, as the value that the function returned says.
    pub(crate) fn note_failure(&self, error: CallErrorType) {
        if let Some(call) = &self.0 {
            call.note_failure(error);
        }
    }

    /// Returns whether the returned value says that the call has failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.0.as_ref().is_some_and(|call| call.state.lock().failure.is_some())
    }

    /// Closes the call of a function that has returned an error.
    pub(crate) fn fail(&mut self) {
        self.close(Reply::ended(ReplyEnd::Failed(CallErrorType::Other)));
    }

    /// Notes what the headers of the reply say about the provider's rate limit.
    pub(crate) fn note_headers(&self, headers: &HeaderMap) {
        if let Some(call) = &self.0 {
            call.note_headers(headers);
        }
    }

    /// Makes the call the current one of this thread.
    pub(crate) fn enter(&self) -> EnteredCall {
        self.0.as_ref().map_or(EnteredCall::NONE, EnteredCall::new)
    }

    /// Closes the call.
    pub(crate) fn close(&mut self, reply: Reply<'_>) {
        if let Some(call) = self.take() {
            call.finish(reply);
        }
    }
}

impl Drop for CallGuard {
    fn drop(&mut self) {
        let end = if thread::panicking() {
            ReplyEnd::Failed(CallErrorType::Panic)
        } else {
            ReplyEnd::Cancelled
        };
        self.close(Reply::ended(end));
    }
}

/// A call to which usage can be recorded from any task. The call stays open until its last handle
/// is dropped, if it has no usage before that.
pub(crate) struct CallHandle(Arc<LlmCall>);

impl CallHandle {
    pub(crate) fn new(call: Arc<LlmCall>) -> Self {
        call.handles.fetch_add(1, Relaxed);
        Self(call)
    }

    pub(crate) fn call(&self) -> &Arc<LlmCall> {
        &self.0
    }

    /// Returns the calls of the request that the call belongs to.
    pub(crate) fn request_calls(&self) -> Option<Arc<RequestCalls>> {
        self.0.request.as_ref().map(|(calls, _)| Arc::clone(calls))
    }
}

impl Clone for CallHandle {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.0))
    }
}

impl Drop for CallHandle {
    fn drop(&mut self) {
        // The lock of the state orders this with a call that ends at the same time: either it sees
        // no handle, or this sees that it awaits usage.
        let is_last = self.0.handles.fetch_sub(1, Relaxed) == 1;
        let state = self.0.state.lock();
        if let (true, Phase::AwaitingUsage(reply, ended)) = (is_last, &state.phase) {
            let (reply, ended) = ((**reply).clone(), *ended);
            self.0.settle(state, &reply, ended);
        }
    }
}

/// Allocations of calls that have ended, for later calls of the same thread.
mod pool {
    use std::cell::RefCell;
    use std::sync::Arc;

    use super::LlmCall;

    /// The number of allocations that a thread keeps.
    const MAX_FREE: usize = 64;

    thread_local! {
        static FREE: RefCell<Vec<Arc<LlmCall>>> = const { RefCell::new(Vec::new()) };
    }

    fn with_free<R>(f: impl FnOnce(&mut Vec<Arc<LlmCall>>) -> R) -> Option<R> {
        FREE.try_with(|free| Some(f(&mut *free.try_borrow_mut().ok()?))).ok()?
    }

    /// Returns a call in a free allocation, or in a new one.
    pub(super) fn take(call: LlmCall) -> Arc<LlmCall> {
        let Some(mut free) = with_free(Vec::pop).flatten() else { return Arc::new(call) };
        match Arc::get_mut(&mut free) {
            Some(slot) => *slot = call,
            None => return Arc::new(call),
        }
        free
    }

    /// Keeps the allocation of a closed call that nothing else shares.
    pub(super) fn put(mut call: Arc<LlmCall>) {
        if let Some(slot) = Arc::get_mut(&mut call) {
            (slot.outer, slot.request) = (None, None);
            *slot.state.get_mut() = super::State::default();
            with_free(|free| {
                if free.len() < MAX_FREE {
                    free.push(call);
                }
            });
        }
    }
}
