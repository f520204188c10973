//! The store: the blocks of all writer slots, and the places in them.

use std::num::NonZeroU32;

use super::block::{Block, Cells, LINE_CELLS, Run};
use super::sync::{Mutex, OVERFLOW_BLOCKS, OnceLock, Ordering, SEGMENT_LINES};

/// The number of cells in a segment.
pub(super) const SEGMENT_CELLS: usize = SEGMENT_LINES as usize * LINE_CELLS;

/// The largest number of cells that a series can have.
pub(super) const MAX_CELLS: usize = u16::MAX as usize * LINE_CELLS;

/// The blocks of all writer slots, and the places in them.
pub(super) struct Store {
    /// The blocks of the slots that have been leased. Later slots have none.
    slots: Box<[OnceLock<Box<Block>>]>,
    free: Mutex<FreeSlots>,
    overflow: [OverflowBlock; OVERFLOW_BLOCKS],
    unused: Mutex<UnusedCells>,
}

/// The slots that no thread has.
struct FreeSlots {
    /// The slots that threads have returned. The last one is leased first, since its cells are most
    /// likely still in a cache.
    returned: Vec<usize>,
    /// The first slot that has never been leased.
    next: usize,
}

/// A block for threads that have no slot: all slots are leased, or the thread is ending and has
/// returned its slot.
///
/// The lock leaves one writer at a time here, too. The same code therefore writes all blocks, and
/// histograms are consistent in all of them. No code of a user runs under the lock.
struct OverflowBlock {
    lock: Mutex<()>,
    block: Block,
}

/// Where the cells begin that no series has.
struct UnusedCells {
    /// The segment that has unused cells.
    segment: NonZeroU32,
    /// The first unused cell in it.
    offset: usize,
    last_segment: NonZeroU32,
}

impl Store {
    pub(super) fn new(slots: usize) -> Self {
        let unused =
            UnusedCells { segment: NonZeroU32::MIN, offset: 0, last_segment: NonZeroU32::MIN };
        Self {
            slots: (0..slots).map(|_| OnceLock::new()).collect(),
            free: Mutex::new(FreeSlots { returned: Vec::with_capacity(slots), next: 0 }),
            overflow: std::array::from_fn(|_| OverflowBlock {
                lock: Mutex::new(()),
                block: Block::new(),
            }),
            unused: Mutex::new(unused),
        }
    }

    /// Returns cells for a new series: `len` cells in one segment. They are never given to another
    /// series.
    pub(super) fn allocate(&self, len: usize) -> Cells {
        let mut unused = self.unused.lock();
        if len > SEGMENT_CELLS {
            // Such a series has a segment of its own.
            let segment = unused.next_segment();
            let lines = u16::try_from(len.div_ceil(LINE_CELLS)).unwrap_or(u16::MAX);
            return Cells { segment, offset: 0, lines };
        }
        if unused.offset + len > SEGMENT_CELLS {
            unused.segment = unused.next_segment();
            unused.offset = 0;
        }
        let offset = u16::try_from(unused.offset).unwrap_or(u16::MAX);
        unused.offset += len;
        Cells { segment: unused.segment, offset, lines: SEGMENT_LINES }
    }

    /// Leases a slot to this thread, if one is free. The slot has the numbers that earlier threads
    /// recorded into it.
    ///
    /// The lock orders the writes of the earlier threads before those of this one.
    pub(super) fn lease(&self) -> Option<usize> {
        let mut free = self.free.lock();
        if let Some(slot) = free.returned.pop() {
            return Some(slot);
        }
        let slot = free.next;
        self.slots.get(slot)?.get_or_init(|| Box::new(Block::new()));
        free.next += 1;
        Some(slot)
    }

    /// Returns a slot, so that another thread can lease it.
    pub(super) fn give_back(&self, slot: usize) {
        self.free.lock().returned.push(slot);
    }

    /// Returns the block of a slot that has been leased.
    pub(super) fn block(&self, slot: usize) -> Option<&Block> {
        self.slots.get(slot)?.get().map(|block| &**block)
    }

    /// Calls `write` with an overflow block, to which no other thread writes meanwhile.
    pub(super) fn with_overflow_block(&self, write: &dyn Fn(&Block)) {
        let [first, ..] = &self.overflow;
        let free = self.overflow.iter().find_map(|overflow| {
            let guard = overflow.lock.try_lock()?;
            Some((overflow, guard))
        });
        let (overflow, _guard) = free.unwrap_or_else(|| (first, first.lock.lock()));
        write(&overflow.block);
    }

    /// Iterates over the cells of a series in all blocks that have them.
    pub(super) fn runs(&self, cells: Cells) -> impl Iterator<Item = Run<'_>> {
        let overflow = self.overflow.iter().map(|overflow| &overflow.block);
        self.leased_blocks().chain(overflow).filter_map(move |block| block.find(cells))
    }

    /// Returns the sum of one cell of a series over all blocks.
    pub(super) fn sum(&self, cells: Cells, index: usize, order: Ordering) -> u64 {
        self.runs(cells).map(|run| run.load(index, order)).fold(0, u64::saturating_add)
    }

    /// Calls `add` with a copy of the first cells of a series from each block that has them. All
    /// cells of a copy are as one write left them. `copy` is the memory for the copies.
    pub(super) fn copy_each(&self, cells: Cells, copy: &mut [u64], mut add: impl FnMut(&[u64])) {
        for block in self.leased_blocks() {
            if let Some(run) = block.find(cells) {
                block.copy_together(run, copy);
                add(copy);
            }
        }
        for overflow in &self.overflow {
            if let Some(run) = overflow.block.find(cells) {
                let guard = overflow.lock.lock();
                run.copy(copy);
                drop(guard);
                add(copy);
            }
        }
    }

    fn leased_blocks(&self) -> impl Iterator<Item = &Block> {
        self.slots.iter().map_while(OnceLock::get).map(|block| &**block)
    }
}

impl UnusedCells {
    fn next_segment(&mut self) -> NonZeroU32 {
        // The numbers do not run out: the segments of one block would take 16 TiB.
        self.last_segment = self.last_segment.saturating_add(1);
        self.last_segment
    }
}
