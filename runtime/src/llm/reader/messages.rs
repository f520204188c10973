//! Replies that are binary event streams.

use super::{ChunkFindings, Delivery, Framing, ReplyReader};
use crate::llm::detect::Protocol;
use crate::llm::message_scanner::MessageItem;
use crate::llm::vocabulary::EventType;

impl ReplyReader {
    pub(super) fn read_messages(&mut self, mut bytes: &[u8], findings: &mut ChunkFindings) {
        while let Some(messages) = &mut self.messages {
            let Some(item) = messages.next(&mut bytes, &mut self.json) else { return };
            match item {
                MessageItem::Frame(event_type) => {
                    self.delivery = Delivery::Streamed;
                    self.note_event_type(event_type);
                    self.read_frame(findings);
                }
                MessageItem::Error(error_type) => {
                    self.delivery = Delivery::Streamed;
                    self.note_error(error_type.as_str().map(str::to_owned), findings);
                }
                MessageItem::NotEventStream(start) => {
                    self.framing = Framing::Events;
                    self.read_events(&start, findings);
                    return self.read_events(bytes, findings);
                }
            }
        }
    }

    /// Notes the event that a header of the frame's message names. A chunk is a frame of the
    /// model's own protocol.
    fn note_event_type(&mut self, event_type: EventType) {
        if event_type != EventType::Converse {
            return;
        }
        self.json.frame().note_converse_event();
        if self.protocol == self.declared {
            self.protocol = Protocol::Bedrock;
        }
    }
}
