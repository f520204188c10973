//! The end of a call: whether it counts, and what is recorded of it.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use parking_lot::MutexGuard;

use super::inner::InnerCalls;
use super::llm_call::{CallState, Phase};
use super::rate_limit::RateLimits;
use super::{LlmCall, Reply};
use crate::llm::Operation;
use crate::metrics::Instance;
use crate::outcome::{CallEnd, CallErrorType, CallOutcome, ReplyEnd, call_end};
use crate::series::{CallRecord, CallSeries, EndpointSeries};
use crate::usage::Usage;

impl LlmCall {
    /// Closes the call, and keeps its allocation for later calls.
    pub(crate) fn finish(self: Arc<Self>, reply: &Reply<'_>) {
        self.close(reply);
        self.free();
    }

    /// Closes the call with the end of its reply. Further calls do nothing.
    pub(crate) fn close(self: &Arc<Self>, reply: &Reply<'_>) {
        let ended = Instant::now();
        let state = loop {
            let mut state = self.state.lock();
            if !state.phase.is_open() {
                return;
            }
            let waiting = mem::take(&mut state.waiting);
            if waiting.is_empty() {
                break state;
            }
            drop(state);
            for call in waiting.into_iter().rev() {
                call.finish(&Reply::ended(reply.end));
            }
        };
        if let (Phase::Parsing, Some((request, _))) = (&state.phase, &self.request) {
            request.end_parsing();
        }
        self.settle(state, reply, ended);
    }

    /// Decides whether the call counts, and records it if it does.
    pub(super) fn settle(
        self: &Arc<Self>,
        mut state: MutexGuard<'_, CallState>,
        reply: &Reply<'_>,
        ended: Instant,
    ) {
        let usage = reply.usage_with(state.recorded);
        let is_cut_off = reply.end != ReplyEnd::Complete;
        // The inner call may have parsed the bytes in the wrong protocol. Then this call counts,
        // with the usage that it found.
        let is_read_within = state.is_passed_on && (usage.is_none() || state.inner.have_usage());
        let belongs_to_inner =
            !self.site.is_separate() && (is_read_within || state.inner.own(usage, is_cut_off));
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
        state.phase = Phase::Closed(series);
        drop(state);
        self.report_to_outers(&inner, usage.filter(|_| !belongs_to_inner), is_cut_off);
        self.end_in_request(ended, !belongs_to_inner);
        if let Some(series) = series {
            self.record_end(series, end, reply, usage, rate_limits, ended);
        }
    }

    /// Tells the calls around this one that it has ended, and the nearest one that is not recorded
    /// the usage of this call and of those within it.
    fn report_to_outers(&self, inner: &InnerCalls, own: Option<Usage>, is_cut_off: bool) {
        let mut is_reported = false;
        for outer in self.outers() {
            let mut state = outer.state.lock();
            state.inner.note_ended();
            if !is_reported && !matches!(state.phase, Phase::Closed(_)) {
                is_reported = true;
                state.inner.merge(inner);
                if let Some(own) = own {
                    state.inner.add(own, is_cut_off);
                }
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
        series: &'static CallSeries,
        end: CallEnd,
        reply: &Reply<'_>,
        usage: Option<Usage>,
        rate_limits: RateLimits,
        ended: Instant,
    ) {
        let others = &reply.usage_by_other_models;
        let by_other_models =
            others.iter().fold(Usage::default(), |sum, (_, usage)| sum.plus(*usage));
        let missing = end.outcome.missing_reason(usage.is_some(), reply.unread);
        series.record(&CallRecord {
            end,
            usage,
            by_other_models,
            missing,
            operation: self.operation(reply.operation),
            duration: ended - self.started,
            service_tier: reply.service_tier.as_deref(),
            provider_cost: reply.provider_cost,
        });
        for (model, usage) in others {
            let other = self.endpoint().calls(series.provider(), model);
            other.record_part(usage, reply.service_tier.as_deref());
        }
        for (resource, left) in rate_limits.iter() {
            series.rate_limit(resource, left);
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
    pub(super) fn series(&self, replied_model: Option<&str>) -> &'static CallSeries {
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
    fn endpoint(&self) -> &'static EndpointSeries {
        let named =
            || self.outers_and_self().map(|call| call.site).find(|site| site.endpoint().is_some());
        match &self.request {
            Some((request, _)) => request.endpoint(named()),
            None => {
                let site = named().unwrap_or(self.site);
                Instance::implicit_global().endpoints().for_site(site)
            }
        }
    }
}

fn first_known_label<'a>(mut labels: impl Iterator<Item = &'a str>) -> &'a str {
    labels.find(|label| !label.is_empty()).unwrap_or_default()
}
