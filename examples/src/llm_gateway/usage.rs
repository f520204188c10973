//! What a reply cost.

use serde::Serialize;
use streamgauge::{TokenUsage, token_usage_context};

use crate::llm_gateway::generation::Generation;

/// The tokens of a prompt and of the reply so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TokenUsage)]
pub(crate) struct Usage {
    #[token_usage(input)]
    pub(crate) prompt_tokens: u64,
    #[token_usage(output)]
    pub(crate) completion_tokens: u64,
}

impl Usage {
    pub(crate) fn total(self) -> u64 {
        self.prompt_tokens + self.completion_tokens
    }
}

/// A generation whose usage is recorded when it is dropped. The streamed bytes tell it only at their end,
/// and not to every client: this is for those who leave half way, or have not asked.
pub(crate) struct Metered {
    pub(crate) generation: Generation,
}

impl Drop for Metered {
    fn drop(&mut self) {
        if let Some(usage) = self.generation.usage().token_usage() {
            token_usage_context::record(usage);
        }
    }
}
