//! Exemplars: the traces of recorded values.
//!
//! Each bucket of a histogram keeps the newest value that was recorded within a sampled trace.
//! Neither writers nor readers wait: of two concurrent writers one is dropped, and a reader skips
//! an exemplar that is being written.

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
    trace_id: u128,
    span_id: u64,
}

thread_local! {
    /// The trace of the request that this thread serves.
    static REQUEST_TRACE: Cell<Option<Trace>> = const { Cell::new(None) };
}

impl Trace {
    /// Returns the current span of OpenTelemetry. `None` if it is not sampled: a tracing backend
    /// would not have it.
    pub(crate) fn current() -> Option<Self> {
        let sampled = |context: &Context| {
            let span = context.span();
            let span = span.span_context();
            (span.is_valid() && span.is_sampled()).then(|| Self {
                trace_id: u128::from_be_bytes(span.trace_id().to_bytes()),
                span_id: u64::from_be_bytes(span.span_id().to_bytes()),
            })
        };
        // While a thread ends, OpenTelemetry's thread-local may already be destroyed: then this
        // panics.
        catch_unwind(|| Context::map_current(sampled)).ok().flatten()
    }

    /// Sets the trace of the request that this thread serves. Returns the trace that was set
    /// before.
    pub(crate) fn replace_request_trace(trace: Option<Self>) -> Option<Self> {
        REQUEST_TRACE.try_with(|current| current.replace(trace)).unwrap_or(None)
    }

    /// Returns the trace of a value that is recorded now: the current span, else that of the
    /// request.
    fn for_value() -> Option<Self> {
        Self::current().or_else(|| REQUEST_TRACE.try_with(Cell::get).ok().flatten())
    }
}

/// A recorded value and its trace.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Exemplar {
    pub(crate) trace_id: u128,
    pub(crate) span_id: u64,
    /// The value, in the unit in which the histogram stores values.
    pub(super) amount: u64,
    /// When the value was recorded, in milliseconds since 1970.
    pub(crate) unix_millis: u64,
}

/// The exemplars of the buckets of a histogram. Memory is allocated for them with the first
/// exemplar.
#[derive(Default)]
pub(super) struct Exemplars(OnceLock<Box<[Slot]>>);

impl Exemplars {
    /// Records an exemplar for one of `len` buckets, if a trace is current.
    pub(super) fn record(&self, bucket: usize, len: usize, amount: u64) {
        let Some(trace) = Trace::for_value() else { return };
        let slots = self.0.get_or_init(|| (0..len).map(|_| Slot::default()).collect());
        if let Some(slot) = slots.get(bucket) {
            slot.write(trace, amount);
        }
    }

    pub(super) fn get(&self, bucket: usize) -> Option<Exemplar> {
        self.0.get()?.get(bucket)?.read()
    }
}

/// The exemplar of one bucket, as a sequence lock.
#[derive(Default)]
struct Slot {
    /// Zero before the first write, odd during a write, and two higher after each write.
    sequence: AtomicU64,
    /// The upper and the lower half.
    trace_id: [AtomicU64; 2],
    span_id: AtomicU64,
    amount: AtomicU64,
    unix_millis: AtomicU64,
}

impl Slot {
    /// Writes an exemplar, unless another thread is writing one.
    fn write(&self, trace: Trace, amount: u64) {
        let sequence = self.sequence.load(Relaxed);
        let begin = || self.sequence.compare_exchange(sequence, sequence + 1, Acquire, Relaxed);
        if sequence % 2 == 1 || begin().is_err() {
            return;
        }
        fence(Release);
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let [high, low] = &self.trace_id;
        high.store((trace.trace_id >> 64) as u64, Relaxed);
        #[expect(clippy::cast_possible_truncation, reason = "the lower half is stored")]
        low.store(trace.trace_id as u64, Relaxed);
        self.span_id.store(trace.span_id, Relaxed);
        self.amount.store(amount, Relaxed);
        self.unix_millis.store(u64::try_from(now.as_millis()).unwrap_or(u64::MAX), Relaxed);
        self.sequence.store(sequence + 2, Release);
    }

    fn read(&self) -> Option<Exemplar> {
        let sequence = self.sequence.load(Acquire);
        if sequence == 0 || sequence % 2 == 1 {
            return None;
        }
        let [high, low] = self.trace_id.each_ref().map(|half| u128::from(half.load(Relaxed)));
        let exemplar = Exemplar {
            trace_id: high << 64 | low,
            span_id: self.span_id.load(Relaxed),
            amount: self.amount.load(Relaxed),
            unix_millis: self.unix_millis.load(Relaxed),
        };
        fence(Acquire);
        (self.sequence.load(Relaxed) == sequence).then_some(exemplar)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exemplars_are_read_as_one_write_left_them() {
        let slot = Slot::default();
        assert_eq!(slot.read(), None);
        std::thread::scope(|threads| {
            for writer in 1..=2_u64 {
                let slot = &slot;
                threads.spawn(move || {
                    for amount in 0..100_000 {
                        let number = writer << 32 | amount;
                        let trace_id = u128::from(number) << 64 | u128::from(number);
                        slot.write(Trace { trace_id, span_id: number }, number);
                    }
                });
            }
            for _ in 0..100_000 {
                if let Some(read) = slot.read() {
                    assert_eq!((read.trace_id >> 64) as u64, read.amount);
                    assert_eq!(read.span_id, read.amount);
                }
            }
        });
        assert!(slot.read().is_some());
    }
}
