//! The types through which threads share cells, and the sizes of the store.
//!
//! The models in `tests/models` compile the files beside this one with types of the crate `loom`
//! and with small sizes.

pub(super) use std::sync::OnceLock;
pub(super) use std::sync::atomic::{AtomicU64, Ordering, fence};

pub(super) use parking_lot::Mutex;

/// The number of lines in a segment: 1,024 cells, 8 KiB.
pub(super) const SEGMENT_LINES: u16 = 64;

/// The number of levels through which a block finds its segments. A segment number has 32 bits, and
/// level `n` has the segments whose highest bit is bit `n`.
pub(super) const LEVELS: usize = 32;

/// The number of overflow blocks.
pub(super) const OVERFLOW_BLOCKS: usize = 4;
