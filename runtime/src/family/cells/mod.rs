//! Where the numbers of all series are stored, so that recording needs no lock and no atomic
//! read-modify-write operation.
//!
//! A number is a sum over *cells*, each of which has one writing thread at a time. Such a cell is
//! added to with a load and a store, which is an ordinary addition for the processor, and which no
//! other thread slows down.
//!
//! - Each thread that records leases a *writer slot* and returns it when it ends. The next thread
//!   continues with the numbers in it: nothing is reset, so that nothing is lost.
//! - Each slot has a *block* of cells, which is divided into *segments*. The first thread that
//!   records into a segment allocates it, so that a thread has memory only for the series it uses.
//! - Each series has the same cells in each block: a *run* of consecutive cells in one segment. A
//!   reader sums over the blocks.
//! - Threads without a slot record into *overflow blocks*, each under a lock.
//!
//! Blocks, segments and runs are never freed, not even when their instance is dropped: threads
//! reach cells without counting references to them. `docs/architecture.md` describes what that
//! costs.

mod block;
mod gauge;
mod store;
mod sync;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::sync::LazyLock;
use std::sync::atomic::Ordering::Relaxed;

pub(crate) use self::block::Writer;
use self::block::{Block, Cells, Run, Segment};
use self::store::{MAX_CELLS, Store};

/// The number of writer slots. The thread pool of tokio that runs blocking functions has up to 512
/// threads. A slot that no thread has used yet takes 16 bytes.
const SLOTS: usize = 1024;

static STORE: LazyLock<Store> = LazyLock::new(|| Store::new(SLOTS));

thread_local! {
    /// The block of this thread's slot. It has no destructor, so that access is one load.
    static BLOCK: Cell<Option<&'static Block>> = const { Cell::new(None) };
    /// The segment of that block which this thread has written last. A program with a few endpoints
    /// has all of its series in one segment.
    static RECENT: Cell<Segment<'static>> = const { Cell::new(Segment::NONE) };
    static LEASE: Lease = const { Lease(Cell::new(None)) };
}

/// The writer slot of a thread, which is returned when the thread ends.
struct Lease(Cell<Option<usize>>);

impl Lease {
    /// Returns the block of the slot. Leases a slot if this thread has none.
    fn block(&self) -> Option<&'static Block> {
        let store: &'static Store = &STORE;
        let slot = self.0.get().or_else(|| store.lease())?;
        self.0.set(Some(slot));
        BLOCK.set(store.block(slot));
        BLOCK.get()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // Destructors that run later and record use an overflow block.
        BLOCK.set(None);
        RECENT.set(Segment::NONE);
        if let Some(slot) = self.0.take() {
            STORE.give_back(slot);
        }
    }
}

/// Calls `write` with a writer to the cells of this thread. A reader of histograms sees all that
/// `write` adds to a histogram, or nothing of it.
///
/// `write` must record through the writer alone, must not run code of users, and must be short,
/// because a reader waits for its end.
#[inline]
pub(crate) fn recording(write: impl Fn(&Writer<'_>)) {
    match BLOCK.get() {
        Some(block) if !block.is_read() => {
            let recent = RECENT.get();
            let used = block.write_together(recent, |writer| write(writer));
            if used.number() != recent.number() {
                RECENT.set(used);
            }
        }
        _ => find_block(move |block| {
            block.write_together(Segment::NONE, |writer| write(writer));
        }),
    }
}

/// Calls `write` with the cells of a series to which no other thread writes meanwhile.
#[inline]
fn with_run(cells: Cells, write: impl Fn(Run<'_>)) {
    match RECENT.get().find(cells) {
        Some(run) => write(run),
        None => find_run(cells, write),
    }
}

#[inline(never)]
fn find_run(cells: Cells, write: impl Fn(Run<'_>)) {
    match BLOCK.get() {
        Some(block) => {
            let segment = block.segment(cells);
            RECENT.set(segment);
            write(segment.run(cells));
        }
        None => find_block(move |block| write(block.run(cells))),
    }
}

#[cold]
fn find_block(write: impl Fn(&Block)) {
    match LEASE.try_with(Lease::block).ok().flatten() {
        Some(block) if !block.is_read() => write(block),
        _ => STORE.with_overflow_block(&write),
    }
}

/// The cells of a counter.
#[derive(Clone, Copy)]
pub(super) struct CounterCells(Cells);

impl CounterCells {
    pub(super) fn new() -> Self {
        Self(STORE.allocate(1))
    }

    #[inline]
    pub(super) fn add(self, amount: u64) {
        with_run(self.0, move |run| run.add(0, amount, Relaxed));
    }

    #[inline]
    pub(super) fn add_with(self, writer: &Writer<'_>, amount: u64) {
        writer.run(self.0).add(0, amount, Relaxed);
    }

    pub(super) fn value(self) -> u64 {
        STORE.sum(self.0, 0, Relaxed)
    }

    #[inline]
    pub(super) fn add_float(self, amount: f64) {
        with_run(self.0, move |run| run.add_float(0, amount));
    }

    pub(super) fn float_value(self) -> f64 {
        let amounts = STORE.runs(self.0).map(|run| f64::from_bits(run.load(0, Relaxed)));
        amounts.fold(0.0, |sum, amount| sum + amount)
    }
}

/// The cells of a gauge that rises and falls by one.
#[derive(Clone, Copy)]
pub(super) struct GaugeCells(Cells);

impl GaugeCells {
    pub(super) fn new() -> Self {
        Self(STORE.allocate(gauge::LEN))
    }

    #[inline]
    pub(super) fn rise(self) {
        with_run(self.0, gauge::rise);
    }

    #[inline]
    pub(super) fn fall(self) {
        with_run(self.0, gauge::fall);
    }

    /// Notes a fall, and shows the gauge from now on.
    #[inline]
    pub(super) fn fall_and_show(self, writer: &Writer<'_>) {
        let run = writer.run(self.0);
        gauge::fall(run);
        gauge::show(run);
    }

    pub(super) fn show(self) {
        with_run(self.0, gauge::show);
    }

    pub(super) fn is_shown(self) -> bool {
        gauge::is_shown(&STORE, self.0)
    }

    pub(super) fn value(self) -> u64 {
        gauge::value(&STORE, self.0)
    }
}

/// The cells of a histogram: the sum of all values, followed by the number of values in each
/// bucket. Most values fall into one of the first buckets, which then share a cache line with the
/// sum.
#[derive(Clone, Copy)]
pub(super) struct HistogramCells(Cells);

impl HistogramCells {
    const SUM: usize = 0;
    const FIRST_BUCKET: usize = 1;

    /// The largest number of buckets that a histogram can have.
    pub(super) const MAX_BUCKETS: usize = MAX_CELLS - Self::FIRST_BUCKET;

    pub(super) fn new(buckets: usize) -> Self {
        Self(STORE.allocate(Self::FIRST_BUCKET + buckets))
    }

    /// Adds values to one bucket. `sum` is the sum of the values.
    #[inline]
    pub(super) fn add(self, bucket: usize, count: u64, sum: f64) {
        recording(move |writer| self.add_with(writer, bucket, count, sum));
    }

    #[inline]
    pub(super) fn add_with(self, writer: &Writer<'_>, bucket: usize, count: u64, sum: f64) {
        let run = writer.run(self.0);
        run.add_float(Self::SUM, sum);
        run.count(Self::FIRST_BUCKET + bucket, count, Relaxed);
    }

    /// Adds the number of values in each bucket to `counts`. Returns the sum of all values.
    pub(super) fn read(self, counts: &mut [u64]) -> f64 {
        let mut copy = [0; 32];
        let mut large = Vec::new();
        let len = Self::FIRST_BUCKET + counts.len();
        let copy = match copy.get_mut(..len) {
            Some(copy) => copy,
            None => {
                large.resize(len, 0);
                &mut large[..]
            }
        };
        let mut sum = 0.0;
        STORE.copy_each(self.0, copy, |copy| {
            sum += f64::from_bits(copy[Self::SUM]);
            for (total, count) in counts.iter_mut().zip(&copy[Self::FIRST_BUCKET..]) {
                *total = total.saturating_add(*count);
            }
        });
        sum
    }
}
