//! Replies of the crate `aws-sdk-bedrockruntime`.

use aws_sdk_bedrockruntime::operation::converse::ConverseOutput;
use aws_sdk_bedrockruntime::types::{
    ConverseStreamMetadataEvent, ConverseStreamOutput, TokenUsage as ConverseUsage,
};

use super::{ReplyDetails, TokenUsage};
use crate::llm::vocabulary::finish_reason;
use crate::llm::{Operation, bedrock};
use crate::usage::{TokenCount, Usage};

impl TokenUsage for ConverseUsage {
    fn token_usage(&self) -> Option<Usage> {
        bedrock::usage(
            self.input_tokens.count(),
            self.output_tokens.count(),
            self.total_tokens.count(),
            self.cache_read_input_tokens.count(),
            self.cache_write_input_tokens.count(),
        )
    }
}

impl TokenUsage for ConverseOutput {
    fn token_usage(&self) -> Option<Usage> {
        self.usage.token_usage()
    }

    fn __details(&self) -> ReplyDetails {
        let finish = finish_reason(self.stop_reason.as_str().as_bytes());
        ReplyDetails { finish, operation: Operation::Chat, ..ReplyDetails::default() }
    }
}

impl TokenUsage for ConverseStreamMetadataEvent {
    fn token_usage(&self) -> Option<Usage> {
        self.usage.token_usage()
    }
}

/// Only the last event of a stream has usage.
impl TokenUsage for ConverseStreamOutput {
    fn token_usage(&self) -> Option<Usage> {
        self.as_metadata().ok()?.token_usage()
    }
}
