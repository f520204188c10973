//! What a request starts with.

use super::UploadProgress;

/// The `endpoint` label of requests that match no route.
pub(super) const UNMATCHED: &str = "unmatched";

/// The size of a request body, in bytes.
#[derive(Debug)]
pub(crate) enum RequestSize {
    /// The size of a body that is in memory.
    InMemory(u64),
    /// The number of bytes that have been read so far.
    Read(UploadProgress),
    /// The body is of a type that the layer cannot wrap.
    Unknown,
}

impl RequestSize {
    /// Returns the size as far as it is known now.
    pub(super) fn known(&self) -> Option<u64> {
        match self {
            Self::InMemory(size) => Some(*size),
            Self::Read(progress) => Some(progress.read()),
            Self::Unknown => None,
        }
    }

    /// Returns whether the body still exists, so that it may still be read.
    pub(super) fn is_open(&self) -> bool {
        matches!(self, Self::Read(progress) if progress.is_shared())
    }

    /// Returns whether the client disconnected before it had sent the whole body.
    pub(super) fn was_cut_off(&self) -> bool {
        matches!(self, Self::Read(progress) if progress.was_cut_off())
    }
}
