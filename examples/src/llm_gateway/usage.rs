//! The usage of a reply.

use serde::Serialize;
use streamgauge::{TokenUsage, token_usage_context};

use crate::llm_gateway::generation::Generation;

/// Token counts of a prompt and of the text generated so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TokenUsage)]
pub(crate) struct Usage {
    #[token_usage(input)]
    pub(crate) prompt_tokens: u64,
    #[token_usage(output)]
    pub(crate) completion_tokens: u64,
}

impl Usage {
    /// Returns the sum of both counts.
    pub(crate) fn total(self) -> u64 {
        self.prompt_tokens + self.completion_tokens
    }
}

/// Records the usage of a streamed reply when dropped.
///
/// streamgauge reads the usage from the reply's bytes, but the bytes contain the usage only at the
/// end of the stream, and in `OpenAI`'s API only if the client asked for it. This guard covers
/// client disconnects and clients that did not ask.
pub(crate) struct RecordUsageOnDrop {
    pub(crate) generation: Generation,
}

impl Drop for RecordUsageOnDrop {
    fn drop(&mut self) {
        if let Some(usage) = self.generation.usage().token_usage() {
            token_usage_context::record(usage);
        }
    }
}
