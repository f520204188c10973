//! The calls of one request: how many there were, and when at least one was open.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::{LlmCall, Reply, StreamTimes};
use crate::callsite::Site;
use crate::metrics::Instance;
use crate::outcome::ReplyEnd;
use crate::series::{CallSeries, EndpointSeries};

/// The calls of a request. The request, its calls and the handles of `token_usage_context` share
/// it, in whatever task they are.
pub(crate) struct RequestCalls {
    instance: &'static Instance,
    /// When the request arrived.
    entered: Instant,
    /// The number of replies that are being read.
    parsing: AtomicU32,
    state: Mutex<State>,
}

/// The number of calls of a request whose times are kept. A generator may make any number of calls;
/// the time of those beyond this counts as the request's own.
const MAX_TIMES: usize = 4096;

struct State {
    /// The endpoint of the request, which an attribute may set after a call has begun.
    endpoint: &'static EndpointSeries,
    /// The number of calls that count.
    count: u64,
    /// When the first [`MAX_TIMES`] calls were open.
    times: Vec<CallTime>,
    /// The calls whose functions have returned a stream that nothing parses.
    left: Vec<Arc<LlmCall>>,
    /// The one of them whose stream is sent to the client.
    sent: Option<Arc<LlmCall>>,
    first_token: Option<FirstToken>,
    first_answer: Option<FirstToken>,
    has_ended: bool,
}

/// When a call was open.
struct CallTime {
    started: Instant,
    ended: Option<Instant>,
    /// False for a call whose reply belongs to calls within it.
    counts: bool,
}

/// When the first token of any call was ready, and the series of that call.
type FirstToken = (Instant, &'static CallSeries);

impl RequestCalls {
    pub(crate) fn new(
        instance: &'static Instance,
        endpoint: &'static EndpointSeries,
        entered: Instant,
    ) -> Self {
        let state = State {
            endpoint,
            count: 0,
            times: Vec::new(),
            left: Vec::new(),
            first_token: None,
            first_answer: None,
            sent: None,
            has_ended: false,
        };
        Self { instance, entered, parsing: AtomicU32::new(0), state: Mutex::new(state) }
    }

    /// Returns the instance of the request.
    pub(super) fn instance(&self) -> &'static Instance {
        self.instance
    }

    /// Returns when the request arrived.
    pub(crate) fn entered(&self) -> Instant {
        self.entered
    }

    /// Sets the endpoint of the request, or its request labels.
    pub(crate) fn set_endpoint(&self, endpoint: &'static EndpointSeries) {
        self.state.lock().endpoint = endpoint;
    }

    /// Returns the endpoint that the attribute of a call site names, or that of the request. Both
    /// have the values of the request labels that are known now.
    pub(crate) fn endpoint(&self, named: Option<&'static Site>) -> &'static EndpointSeries {
        self.endpoint_with(named, self.state.lock().endpoint)
    }

    /// Returns the endpoint that the attribute of a call site names, with the values of the request
    /// labels of `of_request`, or `of_request`.
    #[inline]
    pub(super) fn endpoint_with(
        &self,
        named: Option<&'static Site>,
        of_request: &'static EndpointSeries,
    ) -> &'static EndpointSeries {
        match named {
            Some(site) => self.instance.endpoints().for_site(site).with_labels_of(of_request),
            None => of_request,
        }
    }

    /// Returns the endpoint with this label and the values of the request labels.
    pub(crate) fn endpoint_by_label(&self, label: &str) -> &'static EndpointSeries {
        let of_request = self.state.lock().endpoint;
        self.instance.endpoints().with_run_time_label(label).with_labels_of(of_request)
    }

    /// Returns the series of usage that belongs to no call.
    pub(crate) fn series_without_call(&self) -> &'static CallSeries {
        self.endpoint(None).calls("", "")
    }

    /// Adds a call that begins. Returns its number, and the call whose stream is being sent to the
    /// client: the one that was left open last when the response head was made.
    pub(super) fn begin(&self, started: Instant) -> (usize, Option<Arc<LlmCall>>) {
        let mut state = self.state.lock();
        state.count += 1;
        let sent = state.sent.clone();
        let number = state.times.len();
        if number >= MAX_TIMES {
            return (usize::MAX, sent);
        }
        state.times.push(CallTime { started, ended: None, counts: true });
        (number, sent)
    }

    /// Notes the end of a call. Returns the endpoint of the request.
    pub(super) fn end(
        &self,
        number: usize,
        ended: Instant,
        counts: bool,
    ) -> &'static EndpointSeries {
        let mut state = self.state.lock();
        if !counts {
            state.count -= 1;
        }
        if let Some(time) = state.times.get_mut(number) {
            (time.ended, time.counts) = (Some(ended), counts);
        }
        state.endpoint
    }

    /// Adds a call of which only the usage is known.
    pub(crate) fn add_closed(&self) {
        let now = Instant::now();
        let (number, _) = self.begin(now);
        self.end(number, now, true);
    }

    pub(super) fn begin_parsing(&self) {
        self.parsing.fetch_add(1, Relaxed);
    }

    pub(super) fn end_parsing(&self) {
        self.parsing.fetch_sub(1, Relaxed);
    }

    /// Returns whether any reply is being read.
    pub(crate) fn is_parsing(&self) -> bool {
        self.parsing.load(Relaxed) > 0
    }

    /// Leaves a call open until the request ends. Returns false if it has ended.
    pub(super) fn leave(&self, call: &Arc<LlmCall>) -> bool {
        let mut state = self.state.lock();
        if !state.has_ended {
            state.left.push(Arc::clone(call));
        }
        !state.has_ended
    }

    /// Returns the innermost call that was left open last.
    pub(crate) fn newest_left(&self) -> Option<Arc<LlmCall>> {
        let left = self.state.lock().left.last().cloned();
        left.map(LlmCall::innermost_left)
    }

    /// Notes that the response head was made.
    pub(crate) fn note_head(&self) {
        let left = {
            let mut state = self.state.lock();
            let left = state.left.last().cloned();
            if left.is_none() {
                state.sent = None;
            }
            left
        };
        if let Some(left) = left {
            let sent = left.innermost_left();
            self.state.lock().sent = Some(sent);
        }
    }

    /// Notes when the tokens of a call were ready. The earliest of all calls count.
    pub(super) fn note_tokens(&self, times: StreamTimes, series: &'static CallSeries) {
        let note = |first: &mut Option<FirstToken>, at: Instant| {
            if first.as_ref().is_none_or(|(earliest, _)| at < *earliest) {
                *first = Some((at, series));
            }
        };
        let mut state = self.state.lock();
        note(&mut state.first_token, times.first_token);
        if let Some(first_answer) = times.first_answer {
            note(&mut state.first_answer, first_answer);
        }
    }

    /// Closes the calls that were left open. The newest is first, because it may be within others.
    pub(crate) fn close_left(&self, end: ReplyEnd) {
        let left = {
            let mut state = self.state.lock();
            state.has_ended = true;
            state.sent = None;
            std::mem::take(&mut state.left)
        };
        for call in left.into_iter().rev() {
            call.finish(&Reply::ended(end));
        }
    }

    /// Records what the calls mean for the request, whose duration ended at `ended`.
    pub(crate) fn record(&self, endpoint: &EndpointSeries, ended: Instant) {
        let started = self.entered;
        let state = self.state.lock();
        if state.count > 0 {
            endpoint.calls_per_request().observe(state.count);
            let counted = state.times.iter().filter(|time| time.counts);
            let open = time_in_any(counted, started, ended);
            endpoint.overhead().observe_duration((ended - started).saturating_sub(open));
        }
    }

    /// Records when the first token of any call was ready. A request that is not recorded itself
    /// has calls, too.
    pub(crate) fn record_first_tokens(&self) {
        let started = self.entered;
        let state = self.state.lock();
        if let Some((at, series)) = &state.first_token {
            series.record_request_first_token(at.saturating_duration_since(started));
        }
        if let Some((at, series)) = &state.first_answer {
            series.record_first_answer(at.saturating_duration_since(started));
        }
    }
}

/// Returns the time between `started` and `ended` in which at least one call was open.
fn time_in_any<'a>(
    calls: impl Iterator<Item = &'a CallTime>,
    started: Instant,
    ended: Instant,
) -> Duration {
    let mut times: Vec<(Instant, Instant)> = calls
        .map(|call| (call.started.clamp(started, ended), call.ended.unwrap_or(ended).min(ended)))
        .collect();
    times.sort_unstable();
    let mut covered = started;
    let mut open = Duration::ZERO;
    for (start, end) in times {
        open += end.saturating_duration_since(start.max(covered));
        covered = covered.max(end);
    }
    open
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_in_any_call_counts_calls_that_overlap_once() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let call = |started, ended: Option<u64>| CallTime {
            started: at(started),
            ended: ended.map(at),
            counts: true,
        };
        let calls = [
            call(50, Some(60)),
            call(10, Some(30)),
            call(20, Some(25)),
            call(20, Some(40)),
            // Still open when the request ends, and begun after it has ended.
            call(90, None),
            call(200, Some(300)),
        ];
        let open = time_in_any(calls.iter(), at(0), at(100));
        assert_eq!(open, Duration::from_millis(30 + 10 + 10));
        assert_eq!(time_in_any([].iter(), at(0), at(100)), Duration::ZERO);
    }
}
