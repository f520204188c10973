//! The payload of a `chunk`: a JSON object whose member `bytes` is a frame in base64.

use super::base64::Base64Decoder;

/// The member that is decoded.
const BYTES: &[u8] = b"bytes";

/// A position within the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    /// Before the object.
    Start,
    /// Within the object, outside of strings.
    Outside,
    /// Within a string that is not decoded. The last byte may have been a backslash.
    Skipped {
        is_escaped: bool,
    },
    /// Within the base64 text.
    Text,
    /// After a backslash in that text.
    Escape,
    /// Within the digits of an escape such as `\u002b`.
    Unicode {
        code: u32,
        digits: u8,
    },
    /// After the object.
    End,
    Malformed,
}

/// The member that the current value belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Member {
    /// The next string is a key.
    Unnamed,
    /// How many bytes of the key match. Larger than their number if the key differs.
    Key(usize),
    Bytes,
    Other,
}

/// Decodes the member `bytes` from parts of the payload that may be split at any byte.
#[derive(Debug)]
pub(super) struct ChunkDecoder {
    position: Position,
    /// The number of open objects and arrays.
    depth: usize,
    member: Member,
    base64: Base64Decoder,
}

impl ChunkDecoder {
    pub(super) const fn new() -> Self {
        Self {
            position: Position::Start,
            depth: 0,
            member: Member::Unnamed,
            base64: Base64Decoder::new(),
        }
    }

    /// Returns whether the payload was a whole object without malformed base64.
    pub(super) fn is_complete(&self) -> bool {
        self.position == Position::End && self.base64.is_complete()
    }

    /// Decodes bytes from the front of `payload` until it is empty or `decoded` is full. Returns
    /// the number of decoded bytes.
    pub(super) fn decode(&mut self, payload: &mut &[u8], decoded: &mut [u8]) -> usize {
        let mut length = 0;
        while length < decoded.len() {
            let Some((&byte, rest)) = payload.split_first() else { break };
            *payload = rest;
            if let Some(byte) = self.read(byte).and_then(|byte| self.base64.decode(byte)) {
                decoded[length] = byte;
                length += 1;
            }
        }
        length
    }

    /// Reads a byte of the payload. Returns the byte of the base64 text that it completes, if any.
    fn read(&mut self, byte: u8) -> Option<u8> {
        match self.position {
            Position::Text => match byte {
                b'"' => self.position = Position::Outside,
                b'\\' => self.position = Position::Escape,
                _ => return Some(byte),
            },
            Position::Escape => {
                self.position = Position::Text;
                match byte {
                    b'u' => self.position = Position::Unicode { code: 0, digits: 0 },
                    b'/' => return Some(b'/'),
                    // No other escape is a digit. A backslash makes the text malformed.
                    _ => return Some(b'\\'),
                }
            }
            Position::Unicode { code, digits } => {
                let Some(digit) = char::from(byte).to_digit(16) else {
                    self.position = Position::Malformed;
                    return None;
                };
                let code = code << 4 | digit;
                if digits < 3 {
                    self.position = Position::Unicode { code, digits: digits + 1 };
                    return None;
                }
                self.position = Position::Text;
                return Some(u8::try_from(code).unwrap_or(b'\\'));
            }
            Position::Skipped { is_escaped } => self.skip(byte, is_escaped),
            Position::Start | Position::Outside => self.read_structure(byte),
            Position::End | Position::Malformed => {}
        }
        None
    }

    fn skip(&mut self, byte: u8, is_escaped: bool) {
        if let Member::Key(matched) = self.member {
            let is_match = BYTES.get(matched) == Some(&byte);
            if byte != b'"' || is_escaped {
                self.member = Member::Key(if is_match { matched + 1 } else { usize::MAX });
            }
        }
        self.position = match byte {
            b'"' if !is_escaped => Position::Outside,
            _ => Position::Skipped { is_escaped: byte == b'\\' && !is_escaped },
        };
    }

    fn read_structure(&mut self, byte: u8) {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => {}
            _ if self.position == Position::Start => {
                let is_object = byte == b'{';
                self.depth = 1;
                self.position = if is_object { Position::Outside } else { Position::Malformed };
            }
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth -= 1;
                if self.depth == 0 {
                    self.position = Position::End;
                }
            }
            b'"' if self.depth == 1 && self.member == Member::Bytes => {
                self.position = Position::Text;
            }
            b'"' => {
                if self.depth == 1 && self.member == Member::Unnamed {
                    self.member = Member::Key(0);
                }
                self.position = Position::Skipped { is_escaped: false };
            }
            b':' if self.depth == 1 => {
                let is_bytes = self.member == Member::Key(BYTES.len());
                self.member = if is_bytes { Member::Bytes } else { Member::Other };
            }
            b',' if self.depth == 1 => self.member = Member::Unnamed,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ChunkDecoder;

    /// Returns the decoded bytes and whether the payload is complete. The same for any cutting.
    fn decode(payload: &str) -> (String, bool) {
        let decode = |size: usize, room: usize| {
            let mut decoder = ChunkDecoder::new();
            let mut all = Vec::new();
            let mut buffer = vec![0; room];
            for mut part in payload.as_bytes().chunks(size) {
                while !part.is_empty() {
                    let length = decoder.decode(&mut part, &mut buffer);
                    all.extend_from_slice(&buffer[..length]);
                }
            }
            (String::from_utf8_lossy(&all).into_owned(), decoder.is_complete())
        };
        let whole = decode(payload.len().max(1), 64);
        for size in 1..payload.len() {
            assert_eq!(decode(size, 1 + size % 5), whole, "{payload} in parts of {size}");
        }
        whole
    }

    #[test]
    fn chunk_bytes_are_decoded_wherever_they_stand() {
        for payload in [
            r#"{"bytes":"Zm9vYmE="}"#,
            r#"{"bytes":"Zm9vYmE=","p":"abcd"}"#,
            r#"{"p":"abcd","bytes":"Zm9vYmE="}"#,
            " { \"p\" : [ { \"bytes\" : \"eA==\" } , \"bytes\" ] , \"bytes\" : \"Zm9vYmE=\" } \n",
            r#"{"p":"bytes","bytes\"":"eA==","byte":"eA==","bytess":"eA==","bytes":"Zm9vYmE="}"#,
            r#"{"p":"\\","q":"\\\"","bytes":"Zm9vYmE\u003d"}"#,
        ] {
            assert_eq!(decode(payload), ("fooba".to_owned(), true), "{payload}");
        }
        assert_eq!(decode(r#"{"bytes":"Pz8\/Pz8\u002FPz4\u002B"}"#), ("???????>>".into(), true));
        assert_eq!(decode(r#"{"bytes":"Pz8\/Pz4\u002BPg=="}"#), ("????>>>".into(), true));
    }

    #[test]
    fn chunk_without_bytes_has_no_text() {
        for payload in ["{}", r#"{"p":"x"}"#, r#"{"bytes":null}"#, r#"{"bytes":{"bytes":"eA=="}}"#]
        {
            assert_eq!(decode(payload), (String::new(), true), "{payload}");
        }
    }

    #[test]
    fn chunk_that_is_damaged_is_not_complete() {
        for payload in [
            "",
            "x",
            "\"bytes\":\"eA==\"",
            "[\"bytes\",\"eA==\"]",
            r#"{"bytes":"eA=="#,
            r#"{"bytes":"eA==""#,
            r#"{"bytes":"eA"}"#,
            r#"{"bytes":"e A=="}"#,
            r#"{"bytes":"eA\u00"}"#,
            r#"{"bytes":"\u2003eA=="}"#,
            r#"{"bytes":"\neA=="}"#,
            r#"{"bytes":"eA==\"}"#,
            r#"{"p":"x}"#,
        ] {
            assert!(!decode(payload).1, "{payload}");
        }
    }
}
