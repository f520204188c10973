//! The end of a call: whether it counts, and what is recorded of it.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use parking_lot::MutexGuard;

use super::inner::InnerCalls;
use super::llm_call::{CallState, Phase};
use super::start::CallStart;
use super::{LlmCall, Reply, StreamTimes};
use crate::label::Label;
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
        if let (Phase::Parsing, Some((request, _))) = (&state.phase, &self.start.request) {
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
        let belongs_to_inner = !self.start.site.is_separate()
            && (is_read_within || state.inner.own(usage, is_cut_off));
        let awaits_usage = usage.is_none() && self.handles.load(Relaxed) > 0;
        if awaits_usage && !belongs_to_inner && !matches!(state.phase, Phase::AwaitingUsage(..)) {
            state.phase = Phase::AwaitingUsage(Box::new(reply.clone().into_owned()), ended);
            drop(state);
            self.start.end_in_request(ended, true);
            return;
        }
        let series = (!belongs_to_inner).then(|| self.start.series(reply.model.as_deref()));
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
        let own = usage.as_ref().filter(|_| !belongs_to_inner);
        self.start.report_to_outers(Some(&inner), own, is_cut_off);
        self.start.end_in_request(ended, !belongs_to_inner);
        if let Some(series) = series {
            self.start.record_end(series, end, reply, usage.as_ref(), ended);
            for (resource, left) in rate_limits.iter() {
                series.rate_limit(resource, left);
            }
        }
    }

    /// Returns the model that the attribute of this call, or one around it, names.
    pub(crate) fn named_model(&self) -> &str {
        self.start.named_model()
    }
}

impl CallStart {
    /// Closes a call that nothing shares. It counts, because no calls have been made within it.
    pub(super) fn close(&self, reply: &Reply<'_>) {
        let ended = Instant::now();
        let of_request = self.end_in_request(ended, true);
        let series = self.series_at(self.endpoint_with(of_request), reply.model.as_deref());
        let end = call_end(reply.end, reply.finish, None);
        let usage = reply.usage.as_ref();
        if self.outer.is_some() {
            self.report_to_outers(None, usage, reply.end != ReplyEnd::Complete);
        }
        self.record_end(series, end, reply, usage, ended);
    }

    /// Tells the calls around this one that it has ended, and the nearest one that is not recorded
    /// the usage of this call and of those within it.
    fn report_to_outers(&self, inner: Option<&InnerCalls>, own: Option<&Usage>, is_cut_off: bool) {
        let mut is_reported = false;
        for outer in self.outers() {
            let mut state = outer.state.lock();
            state.inner.note_ended();
            if !is_reported && !matches!(state.phase, Phase::Closed(_)) {
                is_reported = true;
                if let Some(inner) = inner {
                    state.inner.merge(inner);
                }
                if let Some(own) = own {
                    state.inner.add(*own, is_cut_off);
                }
            }
        }
    }

    /// Notes in the request that the call has ended. Returns the endpoint of the request.
    #[inline]
    fn end_in_request(&self, ended: Instant, counts: bool) -> Option<&'static EndpointSeries> {
        let (request, number) = self.request.as_ref()?;
        Some(request.end(*number, ended, counts))
    }

    fn record_end(
        &self,
        series: &'static CallSeries,
        end: CallEnd,
        reply: &Reply<'_>,
        usage: Option<&Usage>,
        ended: Instant,
    ) {
        let others = &reply.usage_by_other_models;
        series.record(&CallRecord {
            end,
            usage,
            by_other_models: others,
            missing: end.outcome.missing_reason(usage.is_some(), reply.unread),
            operation: self.operation(reply.operation),
            duration: ended - self.started,
            service_tier: reply.service_tier.as_deref(),
            provider_cost: reply.provider_cost,
        });
        for (model, usage) in others {
            let other = self.endpoint().calls(series.provider(), model);
            other.record_part(usage, reply.service_tier.as_deref());
        }
        if let Some(times) = reply.times {
            let is_complete = end.outcome == CallOutcome::Success;
            let output = usage.filter(|_| is_complete).and_then(Usage::output_tokens);
            self.record_times(series, times, output);
        }
    }

    /// Records when the tokens of a streamed reply were ready. `output` is their number, if the
    /// reply is complete.
    fn record_times(&self, series: &'static CallSeries, times: StreamTimes, output: Option<u64>) {
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
        if let Some(tokens @ 2..) = output {
            series.record_output_pace(times.last_token - times.first_token, tokens - 1);
        }
    }

    /// Returns the series of this call. A label that the attribute of this call does not name is
    /// taken from the attributes of the calls around it, and the model then from the reply.
    pub(super) fn series(&self, replied_model: Option<&str>) -> &'static CallSeries {
        self.series_at(self.endpoint(), replied_model)
    }

    #[inline]
    fn series_at(
        &self,
        endpoint: &'static EndpointSeries,
        replied_model: Option<&str>,
    ) -> &'static CallSeries {
        let provider = self.first_named(|call| non_empty(&call.provider)).unwrap_or(&UNNAMED);
        let model = self.first_named(|call| non_empty(&call.model)).unwrap_or(&UNNAMED);
        match (provider, model, replied_model) {
            (provider, model, Some(replied)) if model.is_empty() => {
                endpoint.calls(provider, replied)
            }
            (Label::Static(provider), Label::Static(model), _) => {
                endpoint.calls_of_literals(provider, model)
            }
            (provider, model, _) => endpoint.calls(provider, model),
        }
    }

    #[inline]
    fn operation(&self, replied: Operation) -> Operation {
        let named = |call: &Self| {
            Some(call.site.operation()).filter(|operation| *operation != Operation::Unknown)
        };
        self.first_named(named).unwrap_or(replied)
    }

    /// Returns the model that the attribute of this call, or one around it, names.
    fn named_model(&self) -> &str {
        self.first_named(|call| non_empty(&call.model)).unwrap_or(&UNNAMED)
    }

    /// Returns the endpoint that the attribute of this call names, or one around it; else that of
    /// the request; else the name of the function.
    fn endpoint(&self) -> &'static EndpointSeries {
        let of_request = self.request.as_ref().map(|(request, _)| request.endpoint(None));
        self.endpoint_with(of_request)
    }

    /// Returns the endpoint of the call. `of_request` is the endpoint of its request.
    fn endpoint_with(
        &self,
        of_request: Option<&'static EndpointSeries>,
    ) -> &'static EndpointSeries {
        let named =
            self.first_named(|call| Some(call.site).filter(|site| site.endpoint().is_some()));
        match (&self.request, of_request) {
            (Some((request, _)), Some(of_request)) => request.endpoint_with(named, of_request),
            _ => {
                let site = named.unwrap_or(self.site);
                Instance::implicit_global().endpoints().for_site(site)
            }
        }
    }
}

/// The label that no attribute names.
static UNNAMED: Label = Label::Static("");

fn non_empty(label: &Label) -> Option<&Label> {
    if label.is_empty() { None } else { Some(label) }
}
