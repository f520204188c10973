//! The types through which threads share cells, and the size of a segment.
//!
//! The models in `tests/models` compile the files beside this one with types of the crate `loom`
//! and with small segments.

pub(super) use std::sync::OnceLock;
pub(super) use std::sync::atomic::{AtomicU64, Ordering, fence};

pub(super) use parking_lot::Mutex;

/// The number of lines in a segment: 512 cells, 4 KiB.
pub(super) const SEGMENT_LINES: u16 = 32;
