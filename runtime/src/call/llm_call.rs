//! One model call that several owners share: open, then perhaps parsing, then closed.

use std::iter;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::time::Instant;

use http::HeaderMap;
use parking_lot::Mutex;

use super::inner::{ChunkHash, InnerCalls};
use super::rate_limit::RateLimits;
use super::start::CallStart;
use super::{Reply, RequestCalls};
use crate::callsite::Site;
use crate::free_list::FreeList;
use crate::label::Label;
use crate::outcome::{CallErrorType, ReplyEnd};
use crate::series::{CallRecord, CallSeries};
use crate::usage::Usage;

/// A call of a tracked function, from its start to the end of its reply.
///
/// The function, the reader of its reply, the calls that are made within it and the handles of
/// `token_usage_context` share it. Its end is decided and recorded in [`close`](Self::close), once.
pub(crate) struct LlmCall {
    pub(super) start: CallStart,
    /// The number of handles that may still record usage.
    pub(super) handles: AtomicU32,
    /// Whether the reply is read and its first chunk has not arrived.
    pub(super) awaits_first_chunk: AtomicBool,
    pub(super) state: Mutex<CallState>,
}

/// The part of a call that changes.
#[derive(Default)]
pub(super) struct CallState {
    pub(super) phase: Phase,
    /// The usage that user code has recorded.
    pub(super) recorded: Option<Usage>,
    /// The error that user code has reported.
    pub(super) reported: Option<CallErrorType>,
    /// Why the call has failed, as the value that the function returned says.
    pub(super) failure: Option<CallErrorType>,
    pub(super) rate_limits: RateLimits,
    pub(super) inner: InnerCalls,
    /// Whether the bytes of the reply are read by a call within this one.
    pub(super) is_passed_on: bool,
    /// The calls within this one whose functions have returned a stream that nothing parses. Their
    /// usage comes from user code while the stream is sent, or from the reply of this call.
    pub(super) waiting: Vec<Arc<LlmCall>>,
}

/// How far a call is.
#[derive(Default)]
pub(super) enum Phase {
    /// The function runs, or its reply is a stream that nothing parses.
    #[default]
    Open,
    /// The bytes of the reply are read.
    Parsing,
    /// The reply has ended without usage, which a handle may still record.
    AwaitingUsage(Box<Reply<'static>>, Instant),
    /// The call is recorded, or its reply belongs to calls within it.
    Closed(Option<&'static CallSeries>),
}

impl Phase {
    /// Returns whether the reply has not ended.
    pub(super) fn is_open(&self) -> bool {
        matches!(self, Self::Open | Self::Parsing)
    }
}

impl LlmCall {
    /// Makes a call that several owners can refer to. It takes a free allocation, or a new one.
    pub(super) fn share(start: CallStart) -> Arc<Self> {
        if let Some(mut free) = FreeList::take(&FREE) {
            // A free call is in the state of a new one.
            if let Some(call) = Arc::get_mut(&mut free) {
                call.start = start;
                return free;
            }
        }
        Arc::new(Self {
            start,
            handles: AtomicU32::new(0),
            awaits_first_chunk: AtomicBool::new(false),
            state: Mutex::default(),
        })
    }

    /// Keeps the allocation of a closed call that nothing else shares.
    pub(super) fn free(mut self: Arc<Self>) {
        if let Some(call) = Arc::get_mut(&mut self) {
            let start = &mut call.start;
            (start.outer, start.request) = (None, None);
            (start.provider, start.model) = (Label::Static(""), Label::Static(""));
            *call.awaits_first_chunk.get_mut() = false;
            *call.state.get_mut() = CallState::default();
            FreeList::keep(&FREE, self);
        }
    }

    /// Returns the calls of the request that this call belongs to.
    pub(super) fn request_calls(&self) -> Option<Arc<RequestCalls>> {
        self.start.request_calls()
    }

    /// Notes that a call within this one begins.
    pub(super) fn note_begun_within(&self) {
        self.state.lock().inner.note_begun();
    }

    /// Returns whether the returned value says that the call has failed.
    pub(super) fn has_failed(&self) -> bool {
        self.state.lock().failure.is_some()
    }

    /// Returns the attribute that tracks this call.
    pub(crate) fn site(&self) -> &'static Site {
        self.start.site
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
                let series = *series;
                drop(state);
                let series = series.unwrap_or_else(|| self.start.series(None));
                series.record(&CallRecord::of_usage(&usage));
                if let Some((request, _)) = &self.start.request {
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
        if let Some((request, _)) = &self.start.request {
            request.begin_parsing();
        }
    }

    /// Returns the call whose reply is the body or the stream that this call returns: this one, or
    /// the newest call within it that has returned a stream which nothing parses. That stream is
    /// then the same reply, and both are one call.
    pub(super) fn with_body(self: Arc<Self>) -> Arc<Self> {
        let waiting = {
            let mut state = self.state.lock();
            if self.start.site.is_separate() { None } else { take_unsupplied(&mut state.waiting) }
        };
        match waiting {
            Some(inner) => {
                self.pass_on();
                self.finish(&Reply::ended(ReplyEnd::Complete));
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

    /// Notes a chunk that a reader of this call reads. If it is the first one, and a call within
    /// this one has read the same as its first one, both may have the same reply.
    pub(super) fn note_chunk(&self, bytes: &[u8]) {
        if !self.awaits_first_chunk.swap(false, Relaxed) {
            return;
        }
        let chunk = ChunkHash::new(bytes);
        self.state.lock().inner.note_own_chunk(chunk);
        for outer in self.outers() {
            outer.state.lock().inner.note_chunk(chunk);
        }
    }

    /// Leaves a call open whose function has returned a stream that nothing parses. The call that
    /// it is made within closes it, else its request. Outside both the call ends now.
    pub(crate) fn leave_open(self: Arc<Self>) {
        if let Some(outer) = &self.start.outer {
            let mut state = outer.state.lock();
            if state.phase.is_open() {
                state.waiting.push(Arc::clone(&self));
                return;
            }
        }
        match &self.start.request {
            Some((request, _)) if request.leave(&self) => {}
            _ => self.finish(&Reply::ended(ReplyEnd::Complete)),
        }
    }

    /// Notes that the reply of a later call is to be sent. If both calls are of one function, and
    /// this one was not made within the later one, that reply has replaced the reply of this call
    /// before it was read. This call is then cancelled, unless user code has recorded its usage.
    pub(crate) fn note_replaced_by(self: &Arc<Self>, later: &Self) {
        let is_repeated = std::ptr::eq(self.start.site, later.start.site);
        if is_repeated && !self.is_within(later) && self.state.lock().recorded.is_none() {
            self.close(&Reply::ended(ReplyEnd::Cancelled));
        }
    }

    /// Returns the innermost call within this one that has been left open, or this one.
    pub(crate) fn innermost_left(self: Arc<Self>) -> Arc<Self> {
        let waiting = self.state.lock().waiting.last().cloned();
        waiting.map_or(self, Self::innermost_left)
    }

    pub(super) fn outers(&self) -> impl Iterator<Item = &Self> {
        self.start.outers()
    }

    pub(super) fn outers_and_self(&self) -> impl Iterator<Item = &Self> {
        iter::once(self).chain(self.outers())
    }

    /// Returns whether this call is made within `outer`.
    pub(crate) fn is_within(&self, outer: &Self) -> bool {
        self.outers().any(|call| std::ptr::eq(call, outer))
    }
}

thread_local! {
    /// The allocations of ended calls.
    static FREE: FreeList<Arc<LlmCall>> = const { FreeList::new() };
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
