//! The server-sent events of a streamed reply in Anthropic's API.

use serde::Serialize;

use super::types::{MessageReply, ReplyBlock, stop_reason};
use crate::llm_gateway::{generation::FinishReason, usage::Usage};

/// One event of a streamed reply. The demonstration model's replies have a single content block.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum StreamEvent {
    MessageStart { message: MessageReply },
    ContentBlockStart { index: u32, content_block: ReplyBlock },
    Ping,
    ContentBlockDelta { index: u32, delta: BlockDelta },
    ContentBlockStop { index: u32 },
    MessageDelta { delta: StopDelta, usage: OutputUsage },
    MessageStop,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum BlockDelta {
    TextDelta { text: String },
    InputJsonDelta { partial_json: String },
}

#[derive(Debug, Serialize)]
pub(crate) struct StopDelta {
    stop_reason: &'static str,
    stop_sequence: Option<()>,
}

#[derive(Debug, Serialize)]
pub(crate) struct OutputUsage {
    output_tokens: u64,
}

impl StreamEvent {
    pub(crate) fn block_start(content_block: ReplyBlock) -> Self {
        Self::ContentBlockStart { index: 0, content_block }
    }

    pub(crate) fn block_delta(delta: BlockDelta) -> Self {
        Self::ContentBlockDelta { index: 0, delta }
    }

    pub(crate) fn block_stop() -> Self {
        Self::ContentBlockStop { index: 0 }
    }

    pub(crate) fn message_delta(reason: FinishReason, usage: Usage) -> Self {
        Self::MessageDelta {
            delta: StopDelta { stop_reason: stop_reason(reason), stop_sequence: None },
            usage: OutputUsage { output_tokens: usage.completion_tokens },
        }
    }

    /// Returns the name for the `event:` line, which equals the field `type` in the data.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::MessageStart { .. } => "message_start",
            Self::ContentBlockStart { .. } => "content_block_start",
            Self::Ping => "ping",
            Self::ContentBlockDelta { .. } => "content_block_delta",
            Self::ContentBlockStop { .. } => "content_block_stop",
            Self::MessageDelta { .. } => "message_delta",
            Self::MessageStop => "message_stop",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{json, to_value};

    use super::*;

    const USAGE: Usage = Usage { prompt_tokens: 3, completion_tokens: 4 };

    #[test]
    fn event_names_equal_the_types_in_the_data() {
        let opening = MessageReply::opening("msg_1".to_owned(), "demo-1".to_owned(), USAGE);
        for event in [
            StreamEvent::MessageStart { message: opening },
            StreamEvent::block_start(ReplyBlock::Text { text: String::new() }),
            StreamEvent::Ping,
            StreamEvent::block_delta(BlockDelta::TextDelta { text: String::new() }),
            StreamEvent::block_stop(),
            StreamEvent::message_delta(FinishReason::Stop, USAGE),
            StreamEvent::MessageStop,
        ] {
            let name = event.name();
            assert_eq!(to_value(event).unwrap()["type"], name);
        }
    }

    #[test]
    fn message_delta_has_the_stop_reason_and_the_usage() {
        let event = StreamEvent::message_delta(FinishReason::Stop, USAGE);
        assert_eq!(
            to_value(event).unwrap(),
            json!({
                "type": "message_delta",
                "delta": {"stop_reason": "end_turn", "stop_sequence": null},
                "usage": {"output_tokens": 4},
            })
        );
    }

    #[test]
    fn tool_use_events_have_the_name_first_and_then_the_input() {
        let block = ReplyBlock::ToolUse {
            id: "toolu_1".to_owned(),
            name: "weather".to_owned(),
            input: json!({}),
        };
        let delta = BlockDelta::InputJsonDelta { partial_json: "{\"a\":".to_owned() };
        let events = [StreamEvent::block_start(block), StreamEvent::block_delta(delta)];
        assert_eq!(
            events.map(|event| to_value(event).unwrap()),
            [
                json!({
                    "type": "content_block_start",
                    "index": 0,
                    "content_block": {
                        "type": "tool_use",
                        "id": "toolu_1",
                        "name": "weather",
                        "input": {},
                    },
                }),
                json!({
                    "type": "content_block_delta",
                    "index": 0,
                    "delta": {"type": "input_json_delta", "partial_json": "{\"a\":"},
                }),
            ]
        );
    }
}
