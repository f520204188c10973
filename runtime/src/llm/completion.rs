//! Whether a reply that has ended is complete.

use super::reader::ReplyReader;
use crate::usage::FinishReason;

/// How a reply ended, as its protocol shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// The end marker has been read, a finish reason, or the whole object of a reply that is not
    /// streamed.
    Complete,
    /// The bytes ended before any of them.
    Truncated,
    /// The reply had an error within the protocol.
    ErrorEvent,
}

impl ReplyReader {
    /// Returns how the reply ended. `source_ended` is false for a reply that was dropped before its
    /// end. Returns `None` if the protocol does not show it.
    pub(crate) fn completion(&self, source_ended: bool) -> Option<Completion> {
        if self.failed() {
            Some(Completion::ErrorEvent)
        } else if self.ended() {
            Some(Completion::Complete)
        } else if source_ended && self.has_end_marker() {
            let has_finished =
                self.finish_reason() != FinishReason::Unknown || self.is_one_object();
            Some(if has_finished { Completion::Complete } else { Completion::Truncated })
        } else {
            None
        }
    }
}
