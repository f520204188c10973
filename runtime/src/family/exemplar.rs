//! The traces that values belong to.
//!
//! Each bucket of a histogram remembers the newest value that was recorded within a sampled trace. Writers
//! never wait: of two at once one is remembered, and a reader leaves out what is just being written.

use std::cell::Cell;
use std::panic::catch_unwind;
use std::sync::OnceLock;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU64, fence};
use std::time::SystemTime;

use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;

/// A span of a sampled trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trace {
    trace: u128,
    span: u64,
}

thread_local! {
    /// The trace of the request that is being served.
    static OF_REQUEST: Cell<Option<Trace>> = const { Cell::new(None) };
}

impl Trace {
    /// The span that is current, if it is sampled: another nobody could look up.
    pub(crate) fn current() -> Option<Self> {
        let of = |context: &Context| {
            let span = context.span();
            let span = span.span_context();
            (span.is_valid() && span.is_sampled()).then(|| Self {
                trace: u128::from_be_bytes(span.trace_id().to_bytes()),
                span: u64::from_be_bytes(span.span_id().to_bytes()),
            })
        };
        // On a thread that is on its way out there is no context any more, and asking for it panics.
        catch_unwind(|| Context::map_current(of)).ok().flatten()
    }

    /// Lets values that are recorded on this thread be of a request's trace, if it has one. Gives back whose
    /// they were before.
    pub(crate) fn replace_request_trace(trace: Option<Self>) -> Option<Self> {
        OF_REQUEST.try_with(|current| current.replace(trace)).unwrap_or(None)
    }

    fn of_value() -> Option<Self> {
        Self::current().or_else(|| OF_REQUEST.try_with(Cell::get).ok().flatten())
    }
}

/// What an exemplar says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Exemplar {
    pub(crate) trace: u128,
    pub(crate) span: u64,
    /// The value, in the unit in which the histogram counts.
    pub(super) amount: u64,
    /// When it was recorded, in milliseconds since 1970.
    pub(crate) millis: u64,
}

/// The exemplars of a histogram's buckets; there once one is recorded.
#[derive(Default)]
pub(super) struct Exemplars(OnceLock<Box<[Slot]>>);

impl Exemplars {
    /// Remembers a value of one of so many buckets, if it belongs to a trace.
    pub(super) fn note(&self, bucket: usize, buckets: usize, amount: u64) {
        let Some(trace) = Trace::of_value() else { return };
        let slots = self.0.get_or_init(|| (0..buckets).map(|_| Slot::default()).collect());
        if let Some(slot) = slots.get(bucket) {
            slot.write(trace, amount);
        }
    }

    pub(super) fn of(&self, bucket: usize) -> Option<Exemplar> {
        self.0.get()?.get(bucket)?.read()
    }
}

/// One exemplar. The turn is odd while it is written, and zero before it has been.
#[derive(Default)]
struct Slot {
    turn: AtomicU64,
    trace: [AtomicU64; 2],
    span: AtomicU64,
    amount: AtomicU64,
    millis: AtomicU64,
}

impl Slot {
    fn write(&self, trace: Trace, amount: u64) {
        let turn = self.turn.load(Relaxed);
        let is_mine =
            turn % 2 == 0 && self.turn.compare_exchange(turn, turn + 1, Acquire, Relaxed).is_ok();
        if !is_mine {
            return;
        }
        fence(Release);
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let [high, low] = &self.trace;
        high.store((trace.trace >> 64) as u64, Relaxed);
        #[expect(clippy::cast_possible_truncation, reason = "it is the lower half")]
        low.store(trace.trace as u64, Relaxed);
        self.span.store(trace.span, Relaxed);
        self.amount.store(amount, Relaxed);
        self.millis.store(u64::try_from(now.as_millis()).unwrap_or(u64::MAX), Relaxed);
        self.turn.store(turn + 2, Release);
    }

    fn read(&self) -> Option<Exemplar> {
        let turn = self.turn.load(Acquire);
        if turn == 0 || turn % 2 == 1 {
            return None;
        }
        let [high, low] = self.trace.each_ref().map(|half| u128::from(half.load(Relaxed)));
        let exemplar = Exemplar {
            trace: high << 64 | low,
            span: self.span.load(Relaxed),
            amount: self.amount.load(Relaxed),
            millis: self.millis.load(Relaxed),
        };
        fence(Acquire);
        (self.turn.load(Relaxed) == turn).then_some(exemplar)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_was_written_at_once() {
        let slot = Slot::default();
        assert_eq!(slot.read(), None);
        std::thread::scope(|threads| {
            for writer in 1..=2_u64 {
                let slot = &slot;
                threads.spawn(move || {
                    for amount in 0..100_000 {
                        let number = writer << 32 | amount;
                        let trace = u128::from(number) << 64 | u128::from(number);
                        slot.write(Trace { trace, span: number }, number);
                    }
                });
            }
            for _ in 0..100_000 {
                if let Some(read) = slot.read() {
                    assert_eq!((read.trace >> 64) as u64, read.amount);
                    assert_eq!(read.span, read.amount);
                }
            }
        });
        assert!(slot.read().is_some());
    }
}
