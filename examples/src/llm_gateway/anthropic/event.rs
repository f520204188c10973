//! The events of a streamed reply in Anthropic's API.

use serde::Serialize;

use super::wire::{MessageReply, TextBlock, stop_reason};
use crate::llm_gateway::{generation::Finish, usage::Usage};

/// One event of a streamed reply, which has a single block of text.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum StreamEvent {
    MessageStart { message: MessageReply },
    ContentBlockStart { index: u32, content_block: TextBlock },
    Ping,
    ContentBlockDelta { index: u32, delta: TextDelta },
    ContentBlockStop { index: u32 },
    MessageDelta { delta: StopDelta, usage: OutputUsage },
    MessageStop,
}

#[derive(Debug, Serialize)]
pub(crate) struct TextDelta {
    #[serde(rename = "type")]
    kind: &'static str,
    text: String,
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
    pub(crate) fn block_start() -> Self {
        Self::ContentBlockStart { index: 0, content_block: TextBlock::new(String::new()) }
    }

    pub(crate) fn block_delta(text: String) -> Self {
        Self::ContentBlockDelta { index: 0, delta: TextDelta { kind: "text_delta", text } }
    }

    pub(crate) fn block_stop() -> Self {
        Self::ContentBlockStop { index: 0 }
    }

    pub(crate) fn message_delta(finish: Finish, usage: Usage) -> Self {
        Self::MessageDelta {
            delta: StopDelta { stop_reason: stop_reason(finish), stop_sequence: None },
            usage: OutputUsage { output_tokens: usage.completion_tokens },
        }
    }

    /// What the `event:` line says, which is the `type` in the data.
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
    fn every_event_is_named_by_its_type() {
        let opening = MessageReply::opening("msg_1".to_owned(), "demo-1".to_owned(), USAGE);
        for event in [
            StreamEvent::MessageStart { message: opening },
            StreamEvent::block_start(),
            StreamEvent::Ping,
            StreamEvent::block_delta(String::new()),
            StreamEvent::block_stop(),
            StreamEvent::message_delta(Finish::Stop, USAGE),
            StreamEvent::MessageStop,
        ] {
            let name = event.name();
            assert_eq!(to_value(event).unwrap()["type"], name);
        }
    }

    #[test]
    fn the_last_delta_has_the_reason_and_the_usage() {
        let event = StreamEvent::message_delta(Finish::Stop, USAGE);
        assert_eq!(
            to_value(event).unwrap(),
            json!({
                "type": "message_delta",
                "delta": {"stop_reason": "end_turn", "stop_sequence": null},
                "usage": {"output_tokens": 4},
            })
        );
    }
}
