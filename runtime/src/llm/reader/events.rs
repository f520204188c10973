//! Replies that are streams of server-sent events.

use super::{ChunkFindings, Delivery, ReplyReader};
use crate::llm::detect::Protocol;
use crate::llm::sse::SseItem;

impl ReplyReader {
    pub(super) fn read_events(&mut self, mut bytes: &[u8], findings: &mut ChunkFindings) {
        loop {
            if self.sse.is_between_events() {
                self.skip_repeated(&mut bytes, findings);
                if bytes.is_empty() {
                    return;
                }
            }
            if !self.read_event(&mut bytes, findings) {
                return;
            }
        }
    }

    /// Reads up to the end of an event. Returns false if the chunk ends before.
    fn read_event(&mut self, bytes: &mut &[u8], findings: &mut ChunkFindings) -> bool {
        let event = *bytes;
        let is_start = self.sse.is_between_events();
        let comment_bytes = self.sse.comment_bytes();
        let (mut parts, mut line) = (0, None);
        self.repeatable = None;
        while let Some(item) = self.sse.next(bytes) {
            self.read_event_item(item, findings);
            match item {
                SseItem::Data { part, is_whole_line } => {
                    parts += 1;
                    let start = event.len() - bytes.len() - part.len();
                    line = is_whole_line.then_some((start, part));
                }
                SseItem::EventEnd => {
                    self.sse.complete_line_end(bytes);
                    let is_whole = is_start && parts == 1 && self.sse.is_between_events();
                    let line =
                        line.filter(|_| is_whole && comment_bytes == self.sse.comment_bytes());
                    if let Some((start, object)) = line {
                        let event = &event[..event.len() - bytes.len()];
                        self.keep_as_template(event, start, object);
                    }
                    return true;
                }
                SseItem::DataEnd { .. } | SseItem::EventNameEnd => {}
            }
        }
        false
    }

    pub(super) fn read_event_item(&mut self, item: SseItem<'_>, findings: &mut ChunkFindings) {
        if item != SseItem::EventEnd {
            self.delivery = Delivery::Streamed;
        }
        match item {
            SseItem::Data { part, .. } => self.read_objects(part, findings),
            SseItem::DataEnd { is_done } => {
                // Between frames, a line end has no meaning.
                if !self.json.is_idle() {
                    self.read_objects(b"\n", findings);
                }
                if is_done {
                    self.note_done_marker();
                }
            }
            SseItem::EventNameEnd => {}
            SseItem::EventEnd => self.json.finish(),
        }
        if self.sse.is_error_event() && !matches!(item, SseItem::Data { .. }) {
            self.note_error(None, findings);
        }
    }

    /// Notes `[DONE]`, the end marker of `OpenAI`'s chat completions.
    fn note_done_marker(&mut self) {
        if self.protocol == Protocol::Auto {
            self.protocol = Protocol::OpenAi;
        }
        self.ended |= self.protocol == Protocol::OpenAi;
    }
}
