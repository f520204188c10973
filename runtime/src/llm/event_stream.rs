//! Binary event streams, `application/vnd.amazon.eventstream`, decoded from chunks that may be
//! split at any byte.
//!
//! A stream is a sequence of messages: a prelude of twelve bytes, headers, a payload, and the
//! CRC-32 of all bytes before it. The prelude consists of the total length, the length of the
//! headers, and the CRC-32 of both. All numbers are big-endian. The decoder keeps no payload.

use super::crc32::Crc32;
use super::message_headers::{HeaderParser, MessageHeaders};

/// The length of the prelude, which is the start of each message.
pub(super) const PRELUDE_LENGTH: usize = 12;

/// The bytes of a message that are neither headers nor payload.
const OVERHEAD: u32 = 16;

/// The maximum length of headers that services send.
const MAX_HEADERS: u32 = 128 * 1024;

/// The maximum length of a payload that services send.
const MAX_PAYLOAD: u32 = 24 * 1024 * 1024;

/// The next part of a binary event stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EventStreamItem<'a> {
    /// A part of the payload of the current message.
    Payload(&'a [u8]),
    /// The end of the current message.
    MessageEnd {
        /// The checksum is right, and the headers are whole. Otherwise nothing in the message may
        /// count.
        is_valid: bool,
    },
    /// No message begins where the next one is due. The bytes from there on are skipped until one
    /// begins.
    NoMessage {
        /// The first bytes in place of the message.
        start: [u8; PRELUDE_LENGTH],
    },
}

/// A position within a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    Prelude,
    Headers,
    Payload,
    Checksum,
}

/// Decodes the messages of a stream. Both checksums of each message are checked.
#[derive(Debug)]
pub(super) struct Decoder {
    position: Position,
    /// The bytes so far of a prelude or of a checksum.
    buffer: [u8; PRELUDE_LENGTH],
    buffered: usize,
    /// The number of bytes that the headers, or the payload, still lack.
    missing: u32,
    payload_length: u32,
    /// The checksum of the current message so far.
    crc: Crc32,
    header_parser: HeaderParser,
    /// A message has begun.
    has_begun: bool,
    /// Bytes are skipped until a message begins.
    is_searching: bool,
}

impl Decoder {
    pub(super) const fn new() -> Self {
        Self {
            position: Position::Prelude,
            buffer: [0; PRELUDE_LENGTH],
            buffered: 0,
            missing: 0,
            payload_length: 0,
            crc: Crc32::NEW,
            header_parser: HeaderParser::new(),
            has_begun: false,
            is_searching: false,
        }
    }

    /// Returns whether a stream may begin with this byte: the first of a total length.
    pub(super) const fn may_begin_with(byte: u8) -> bool {
        byte <= (MAX_PAYLOAD + MAX_HEADERS + OVERHEAD).to_be_bytes()[0]
    }

    /// Returns whether a prelude has been found.
    pub(super) const fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// Returns the headers of the current message. They are complete when its payload begins.
    pub(super) const fn headers(&self) -> &MessageHeaders {
        self.header_parser.headers()
    }

    /// Takes the next item from the front of `bytes`. Returns `None` once `bytes` is empty.
    pub(super) fn next<'a>(&mut self, bytes: &mut &'a [u8]) -> Option<EventStreamItem<'a>> {
        while !bytes.is_empty() {
            match self.position {
                Position::Prelude => {
                    if !self.fill_buffer(bytes, PRELUDE_LENGTH) {
                        return None;
                    }
                    let start = self.buffer;
                    if let Some((headers, payload)) = parse_prelude(start) {
                        self.begin_message(headers, payload);
                        continue;
                    }
                    // A message may begin at the next byte. Text within a payload cannot forge one:
                    // the first byte of a prelude is 0 or 1, which JSON and base64 do not contain.
                    self.buffer.copy_within(1.., 0);
                    self.buffered -= 1;
                    if !std::mem::replace(&mut self.is_searching, true) {
                        return Some(EventStreamItem::NoMessage { start });
                    }
                }
                Position::Headers => {
                    let part = self.take_missing(bytes);
                    self.header_parser.parse(part);
                    if self.missing == 0 {
                        self.begin_payload();
                    }
                }
                Position::Payload => {
                    let part = self.take_missing(bytes);
                    if self.missing == 0 {
                        self.position = Position::Checksum;
                    }
                    return Some(EventStreamItem::Payload(part));
                }
                Position::Checksum => {
                    if !self.fill_buffer(bytes, size_of::<u32>()) {
                        return None;
                    }
                    let checksum = u32_at(self.buffer, 0);
                    let is_valid = checksum == self.crc.value() && self.header_parser.is_complete();
                    self.buffered = 0;
                    self.position = Position::Prelude;
                    return Some(EventStreamItem::MessageEnd { is_valid });
                }
            }
        }
        None
    }

    /// Moves bytes to the buffer. Returns whether it holds `length` bytes.
    fn fill_buffer(&mut self, bytes: &mut &[u8], length: usize) -> bool {
        let (part, rest) = bytes.split_at((length - self.buffered).min(bytes.len()));
        *bytes = rest;
        self.buffer[self.buffered..][..part.len()].copy_from_slice(part);
        self.buffered += part.len();
        self.buffered == length
    }

    /// Takes a part of the headers or of the payload.
    fn take_missing<'a>(&mut self, bytes: &mut &'a [u8]) -> &'a [u8] {
        let missing = usize::try_from(self.missing).unwrap_or(usize::MAX);
        let (part, rest) = bytes.split_at(missing.min(bytes.len()));
        *bytes = rest;
        self.missing -= u32::try_from(part.len()).unwrap_or(self.missing);
        self.crc.update(part);
        part
    }

    fn begin_message(&mut self, headers_length: u32, payload_length: u32) {
        self.has_begun = true;
        self.is_searching = false;
        self.crc = Crc32::NEW;
        self.crc.update(&self.buffer);
        self.buffered = 0;
        self.header_parser.begin();
        self.missing = headers_length;
        self.payload_length = payload_length;
        if headers_length > 0 {
            self.position = Position::Headers;
        } else {
            self.begin_payload();
        }
    }

    fn begin_payload(&mut self) {
        self.missing = self.payload_length;
        let is_empty = self.payload_length == 0;
        self.position = if is_empty { Position::Checksum } else { Position::Payload };
    }
}

/// Returns the lengths of the headers and of the payload. Returns `None` if the bytes are not a
/// prelude.
fn parse_prelude(prelude: [u8; PRELUDE_LENGTH]) -> Option<(u32, u32)> {
    let headers = u32_at(prelude, 4);
    let payload = u32_at(prelude, 0).checked_sub(OVERHEAD)?.checked_sub(headers)?;
    // The lengths are cheap to test, so they come before the checksum.
    let is_prelude = headers <= MAX_HEADERS
        && payload <= MAX_PAYLOAD
        && Crc32::of(&prelude[..8]) == u32_at(prelude, 8);
    is_prelude.then_some((headers, payload))
}

fn u32_at(bytes: [u8; PRELUDE_LENGTH], at: usize) -> u32 {
    bytes[at..at + 4].iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}
