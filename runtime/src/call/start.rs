//! What is known of a call when it begins.

use std::iter;
use std::sync::Arc;
use std::time::Instant;

use super::current::current_call_within;
use super::{LlmCall, RequestCalls};
use crate::callsite::Site;
use crate::label::Label;
use crate::metrics::Instance;

/// The part of a call that does not change.
///
/// A call that nothing shares has no other part: its guard owns the start, and a copy of it is
/// current on the thread while the function runs. See [`CallGuard`](super::CallGuard).
#[derive(Clone)]
pub(super) struct CallStart {
    pub(super) site: &'static Site,
    pub(super) provider: Label,
    pub(super) model: Label,
    pub(super) started: Instant,
    /// The call that this one is made within.
    pub(super) outer: Option<Arc<LlmCall>>,
    /// The calls of the request, and the number of this one among them.
    pub(super) request: Option<(Arc<RequestCalls>, usize)>,
}

impl CallStart {
    /// Begins a call in `request`, or in the request that this task belongs to through a handle.
    /// `provider` and `model` are empty if the attribute does not name them. Returns `None` outside
    /// any request if the global instance is disabled.
    #[inline]
    pub(super) fn new(
        site: &'static Site,
        provider: Label,
        model: Label,
        mut request: Option<Arc<RequestCalls>>,
    ) -> Option<Self> {
        let started = Instant::now();
        // The source of a reply may be polled in another task than that of the request.
        let current = current_call_within(&mut request);
        if current.is_none() && request.is_none() {
            Instance::for_site_outside_requests(site)?;
            return Some(Self { site, provider, model, started, outer: None, request: None });
        }
        let request = request.or_else(|| current.as_ref().and_then(|outer| outer.request_calls()));
        // Each instance counts the calls that it sees.
        let current = current.filter(|outer| outer.start.is_of_same_instance(request.as_deref()));
        let (request, sent) = match request {
            Some(calls) => {
                let (number, sent) = calls.begin(started);
                (Some((calls, number)), sent)
            }
            None => {
                Instance::for_site_outside_requests(site)?;
                (None, None)
            }
        };
        let outer = current.or(sent);
        if let Some(outer) = &outer {
            outer.outers_and_self().for_each(LlmCall::note_begun_within);
        }
        Some(Self { site, provider, model, started, outer, request })
    }

    /// Returns the calls of the request that this call belongs to.
    pub(super) fn request_calls(&self) -> Option<Arc<RequestCalls>> {
        self.request.as_ref().map(|(calls, _)| Arc::clone(calls))
    }

    /// Returns whether the instance that records this call records calls of `request`, too.
    fn is_of_same_instance(&self, request: Option<&RequestCalls>) -> bool {
        let own = self.request.as_ref().map(|(calls, _)| &**calls);
        instance_of(own).is_same_instance(instance_of(request))
    }

    /// Iterates over the calls that this one is made within. The innermost is first.
    pub(super) fn outers(&self) -> impl Iterator<Item = &LlmCall> {
        iter::successors(self.outer.as_deref(), |call| call.start.outer.as_deref())
    }

    /// Returns what `named` returns for this call, or for the innermost call around it for which it
    /// returns something.
    #[inline]
    pub(super) fn first_named<'a, R>(&'a self, named: impl Fn(&'a Self) -> Option<R>) -> Option<R> {
        match named(self) {
            None if self.outer.is_some() => self.outers().find_map(|call| named(&call.start)),
            named => named,
        }
    }
}

/// Returns the instance that records the calls of a request, or calls outside any request.
fn instance_of(request: Option<&RequestCalls>) -> &'static Instance {
    match request {
        Some(calls) => calls.instance(),
        None => Instance::implicit_global(),
    }
}
