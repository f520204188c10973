//! The size of a request's body.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What is known of the size of a request's body.
#[derive(Debug)]
pub(crate) enum RequestSize {
    /// The client has declared it.
    Declared(u64),
    /// It is what has been read so far.
    Read(Arc<AtomicU64>),
    /// The body is of a kind that cannot be watched.
    Unknown,
}

impl RequestSize {
    pub(super) fn now(&self) -> Option<u64> {
        match self {
            Self::Declared(size) => Some(*size),
            Self::Read(read) => Some(read.load(Relaxed)),
            Self::Unknown => None,
        }
    }
}
