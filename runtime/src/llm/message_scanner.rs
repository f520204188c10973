//! The frames in the messages of a binary event stream.
//!
//! A frame is scanned as the payload of its message passes, but it counts only after the checksum
//! of the message has turned out right.

use std::mem;

use super::event_stream::{Decoder, EventStreamItem, PRELUDE_LENGTH};
use super::invoke_chunk::ChunkDecoder;
use super::json::JsonScanner;
use super::message_headers::MessageType;
use super::scalar::Identifier;
use super::schema::Container;
use super::vocabulary::EventType;

/// The number of bytes that are decoded from base64 at a time.
const MAX_DECODED: usize = 256;

/// What the messages contained.
#[derive(Clone, Copy, Debug)]
pub(super) enum MessageItem {
    /// The scanner holds the frame of an event.
    Frame(EventType),
    /// An exception or an error of this type. Empty if the type is not known.
    Error(Identifier),
    /// The bytes are not a binary event stream. Holds the first of them.
    NotEventStream([u8; PRELUDE_LENGTH]),
}

/// Scans the payloads of messages.
#[derive(Debug)]
pub(super) struct MessageScanner {
    decoder: Decoder,
    chunk: ChunkDecoder,
    /// The frame of the current message is complete.
    has_frame: bool,
    /// The service tier that the last valid message with one names.
    service_tier: Identifier,
    may_have_lost_usage: bool,
}

impl MessageScanner {
    pub(super) const fn new() -> Self {
        Self {
            decoder: Decoder::new(),
            chunk: ChunkDecoder::new(),
            has_frame: false,
            service_tier: Identifier::EMPTY,
            may_have_lost_usage: false,
        }
    }

    /// Returns whether damaged messages, or bytes that are no messages, may have held usage.
    pub(super) const fn may_have_lost_usage(&self) -> bool {
        self.may_have_lost_usage
    }

    /// Takes the next item from the front of `bytes`. Returns `None` once `bytes` is empty.
    pub(super) fn next(
        &mut self,
        bytes: &mut &[u8],
        json: &mut JsonScanner,
    ) -> Option<MessageItem> {
        while let Some(item) = self.decoder.next(bytes) {
            match item {
                EventStreamItem::Payload(part) => self.scan_payload(part, json),
                EventStreamItem::MessageEnd { is_valid } => {
                    let item = self.end_message(is_valid, json);
                    if item.is_some() {
                        return item;
                    }
                }
                EventStreamItem::NoMessage { start } => {
                    self.may_have_lost_usage = true;
                    if !self.decoder.has_begun() {
                        return Some(MessageItem::NotEventStream(start));
                    }
                }
            }
        }
        None
    }

    /// Ends the stream. A message that is cut off does not count.
    pub(super) fn end(&mut self, json: &mut JsonScanner) {
        let has_frame = mem::take(&mut self.has_frame);
        self.may_have_lost_usage |= has_frame && json.frame().has_usage(&Container::ALL);
        self.discard_frame(json);
    }

    fn scan_payload(&mut self, mut part: &[u8], json: &mut JsonScanner) {
        let headers = self.decoder.headers();
        match headers.event {
            _ if headers.kind != MessageType::Event => {}
            EventType::Converse => self.scan_frame(part, json),
            EventType::Chunk => {
                let mut decoded = [0; MAX_DECODED];
                while !part.is_empty() {
                    let length = self.chunk.decode(&mut part, &mut decoded);
                    self.scan_frame(&decoded[..length], json);
                }
            }
            EventType::Other => {}
        }
    }

    /// Scans a part of a frame. What follows the frame in its message is skipped.
    fn scan_frame(&mut self, mut part: &[u8], json: &mut JsonScanner) {
        while !self.has_frame && !part.is_empty() {
            let (scanned, is_object_end) = json.scan(part);
            self.has_frame = is_object_end && !json.in_array();
            part = &part[scanned..];
        }
    }

    fn end_message(&mut self, is_valid: bool, json: &mut JsonScanner) -> Option<MessageItem> {
        let headers = *self.decoder.headers();
        let has_frame = mem::take(&mut self.has_frame);
        let chunk = mem::replace(&mut self.chunk, ChunkDecoder::new());
        let is_chunk = headers.kind == MessageType::Event && headers.event == EventType::Chunk;
        let is_damaged = !is_valid || (is_chunk && !chunk.is_complete());
        self.may_have_lost_usage |= is_damaged;
        if has_frame && !is_damaged {
            self.service_tier = json.frame().service_tier;
            return Some(MessageItem::Frame(headers.event));
        }
        self.discard_frame(json);
        let is_error = is_valid && headers.kind == MessageType::Error;
        is_error.then_some(MessageItem::Error(headers.error))
    }

    fn discard_frame(&self, json: &mut JsonScanner) {
        json.finish();
        json.frame().service_tier = self.service_tier;
    }
}
