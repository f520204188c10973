//! Blocks: the cells of one writer slot.

use std::cell::Cell;
use std::num::NonZeroU32;
use std::thread;
use std::time::{Duration, Instant};

use super::sync::Ordering::{Acquire, Relaxed, Release};
use super::sync::{AtomicU64, LEVELS, OnceLock, Ordering, fence};

/// The number of cells in a line.
pub(super) const LINE_CELLS: usize = 16;

/// How often a reader tries to copy cells before it diverts the writer.
const TRIES: usize = 8;

/// How long a reader waits for a writer that is in the middle of a write. A writer takes some
/// nanoseconds, unless the operating system has taken its processor away: for more than 50 ms if
/// there are many more threads than processors.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// The place of the cells of one series, which is the same in each block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cells {
    /// The number of the segment. Numbers begin at one.
    pub(super) segment: NonZeroU32,
    /// The index of the first cell in the segment.
    pub(super) offset: u16,
    /// The number of lines in the segment.
    pub(super) lines: u16,
}

impl Cells {
    /// Returns the level of the segment, and the index of the segment in its level.
    #[inline]
    fn place(self) -> (usize, usize) {
        let level = self.segment.ilog2();
        (level as usize, (self.segment.get() ^ (1 << level)) as usize)
    }
}

/// The cells of one writer slot. One thread at a time writes them.
///
/// Segments are found through levels that double in size, so that a block has room for any number
/// of series, and memory only for the segments that its threads have touched.
///
/// The alignment keeps the blocks of two threads on different cache lines. Most processors fetch
/// pairs of 64-byte lines.
#[repr(align(128))]
pub(super) struct Block {
    /// The number of writes of cells that change together, times two. Odd during such a write.
    sequence: AtomicU64,
    /// The number of readers that wait for the writer.
    readers: AtomicU64,
    /// The sequence number at which a reader last gave up waiting.
    abandoned: AtomicU64,
    levels: [OnceLock<Box<[OwnedSegment]>>; LEVELS],
}

/// The cells of a segment, between two lines of unused ones. Segments of different threads
/// therefore share no pair of cache lines.
type OwnedSegment = OnceLock<Box<[AtomicU64]>>;

impl Block {
    pub(super) fn new() -> Self {
        Self {
            sequence: AtomicU64::new(0),
            readers: AtomicU64::new(0),
            abandoned: AtomicU64::new(0),
            levels: std::array::from_fn(|_| OnceLock::new()),
        }
    }

    /// Returns the segment of a series, if a thread with this block has recorded into it.
    #[inline]
    fn find_segment(&self, cells: Cells) -> Option<Segment<'_>> {
        let (level, index) = cells.place();
        let owned = self.levels[level].get()?.get(index)?.get()?;
        Some(Segment { number: cells.segment.get(), cells: owned })
    }

    /// Returns the segment of a series. Allocates it if no thread with this block has recorded into
    /// it.
    #[inline]
    pub(super) fn segment(&self, cells: Cells) -> Segment<'_> {
        match self.find_segment(cells) {
            Some(segment) => segment,
            None => self.allocate(cells),
        }
    }

    #[cold]
    fn allocate(&self, cells: Cells) -> Segment<'_> {
        let (level, index) = cells.place();
        let new_level = || (0..1_usize << level).map(|_| OnceLock::new()).collect();
        let len = (usize::from(cells.lines) + 2) * LINE_CELLS;
        let new_segment = || (0..len).map(|_| AtomicU64::new(0)).collect();
        let owned = self.levels[level].get_or_init(new_level)[index].get_or_init(new_segment);
        Segment { number: cells.segment.get(), cells: owned }
    }

    /// Returns the cells of a series, if a thread with this block has recorded into their segment.
    pub(super) fn find(&self, cells: Cells) -> Option<Run<'_>> {
        self.find_segment(cells).map(|segment| segment.run(cells))
    }

    /// Returns the cells of a series.
    pub(super) fn run(&self, cells: Cells) -> Run<'_> {
        self.segment(cells).run(cells)
    }

    /// Changes several cells so that [`copy_together`](Self::copy_together) sees all changes or
    /// none. `write` must not call this function. `recent` is a segment of this block that the
    /// changes are likely to be in. Returns the segment of the last change.
    #[inline]
    pub(super) fn write_together<'a>(
        &'a self,
        recent: Segment<'a>,
        write: impl FnOnce(&Writer<'a>),
    ) -> Segment<'a> {
        let writer = Writer { block: self, last: Cell::new(recent) };
        let sequence = self.sequence.load(Relaxed);
        self.sequence.store(sequence.wrapping_add(1), Relaxed);
        // A reader that sees one of the changes also sees the odd number.
        fence(Release);
        write(&writer);
        // A reader that sees the even number also sees all changes.
        self.sequence.store(sequence.wrapping_add(2), Release);
        writer.last.get()
    }

    /// Returns whether a reader waits until the thread of this block makes a pause.
    ///
    /// A thread that records without pause would make each try of a reader fail. While a reader
    /// waits, the thread therefore records in an overflow block what it would write with
    /// [`write_together`](Self::write_together).
    #[inline]
    pub(super) fn is_read(&self) -> bool {
        self.readers.load(Relaxed) > 0
    }

    /// Copies the first cells of a run as a write left them.
    ///
    /// A thread may have stopped in the middle of a write, in a debugger. After a second the cells
    /// are copied as they are, and later readers do not wait for that write again.
    pub(super) fn copy_together(&self, run: Run<'_>, copy: &mut [u64]) {
        if !(0..TRIES).any(|_| self.try_copy(run, copy)) {
            self.wait_and_copy(run, copy);
        }
    }

    #[cold]
    fn wait_and_copy(&self, run: Run<'_>, copy: &mut [u64]) {
        self.readers.fetch_add(1, Relaxed);
        let start = Instant::now();
        while !self.try_copy(run, copy) {
            let sequence = self.sequence.load(Relaxed);
            let is_abandoned = sequence % 2 == 1 && sequence == self.abandoned.load(Relaxed);
            if is_abandoned || start.elapsed() > MAX_WAIT {
                self.abandoned.store(sequence, Relaxed);
                run.copy(copy);
                break;
            }
            thread::yield_now();
        }
        self.readers.fetch_sub(1, Relaxed);
    }

    /// Copies the first cells of a run, and returns whether no write happened meanwhile.
    pub(super) fn try_copy(&self, run: Run<'_>, copy: &mut [u64]) -> bool {
        let sequence = self.sequence.load(Acquire);
        if sequence % 2 == 1 {
            return false;
        }
        run.copy(copy);
        fence(Acquire);
        self.sequence.load(Relaxed) == sequence
    }
}

/// The cells of one segment in one block.
#[derive(Clone, Copy)]
pub(super) struct Segment<'a> {
    /// The number of the segment. Zero is the number of no segment.
    number: u32,
    cells: &'a [AtomicU64],
}

impl<'a> Segment<'a> {
    pub(super) const NONE: Self = Self { number: 0, cells: &[] };

    #[inline]
    pub(super) fn number(self) -> u32 {
        self.number
    }

    /// Returns the cells of a series that is in this segment.
    #[inline]
    pub(super) fn run(self, cells: Cells) -> Run<'a> {
        Run { segment: self.cells, first: LINE_CELLS + usize::from(cells.offset) }
    }

    /// Returns the cells of a series, if it is in this segment.
    #[inline]
    pub(super) fn find(self, cells: Cells) -> Option<Run<'a>> {
        (self.number == cells.segment.get()).then(|| self.run(cells))
    }
}

/// Finds cells in a block. It remembers the segment of the last ones, because the series of one
/// endpoint are neighbours.
pub(crate) struct Writer<'a> {
    block: &'a Block,
    last: Cell<Segment<'a>>,
}

impl<'a> Writer<'a> {
    /// Returns the cells of a series.
    #[inline]
    pub(super) fn run(&self, cells: Cells) -> Run<'a> {
        match self.last.get().find(cells) {
            Some(run) => run,
            None => self.move_to(cells),
        }
    }

    #[inline(never)]
    fn move_to(&self, cells: Cells) -> Run<'a> {
        let segment = self.block.segment(cells);
        self.last.set(segment);
        segment.run(cells)
    }
}

/// The cells of one series in one block.
#[derive(Clone, Copy)]
pub(super) struct Run<'a> {
    segment: &'a [AtomicU64],
    /// The index of the first cell in the segment.
    first: usize,
}

impl Run<'_> {
    #[inline]
    fn cell(&self, index: usize) -> &AtomicU64 {
        &self.segment[self.first + index]
    }

    #[inline]
    pub(super) fn load(&self, index: usize, order: Ordering) -> u64 {
        self.cell(index).load(order)
    }

    /// Replaces the number in a cell.
    ///
    /// Only the thread that has the block writes its cells, so that no change is lost between the
    /// load and the store. Both together are an ordinary instruction of the processor, where
    /// `fetch_add` would lock the cache line.
    #[inline]
    pub(super) fn update(&self, index: usize, order: Ordering, change: impl FnOnce(u64) -> u64) {
        let cell = self.cell(index);
        cell.store(change(cell.load(Relaxed)), order);
    }

    /// Adds to a cell that counts events, of which there are fewer than 2^64.
    #[inline]
    pub(super) fn count(&self, index: usize, events: u64, order: Ordering) {
        self.update(index, order, |number| number.wrapping_add(events));
    }

    /// Adds to a cell, which stays at its maximum rather than wrap.
    #[inline]
    pub(super) fn add(&self, index: usize, amount: u64, order: Ordering) {
        self.update(index, order, |number| number.saturating_add(amount));
    }

    /// Adds to a cell that has the bits of a float.
    #[inline]
    pub(super) fn add_float(&self, index: usize, amount: f64) {
        self.update(index, Relaxed, |bits| (f64::from_bits(bits) + amount).to_bits());
    }

    /// Copies the first cells.
    pub(super) fn copy(&self, copy: &mut [u64]) {
        for (index, copy) in copy.iter_mut().enumerate() {
            *copy = self.load(index, Relaxed);
        }
    }
}
