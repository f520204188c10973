//! Base64 (RFC 4648, section 4), decoded digit by digit.

/// A decoder that keeps no more than the bits of the current group of four digits.
#[derive(Debug)]
pub(super) struct Base64Decoder {
    /// The bits of the current group.
    bits: u32,
    /// The number of digits in the current group.
    digits: u8,
    /// The number of `=` in the last group.
    padding: u8,
    is_malformed: bool,
}

impl Base64Decoder {
    pub(super) const fn new() -> Self {
        Self { bits: 0, digits: 0, padding: 0, is_malformed: false }
    }

    /// Returns whether the text so far is valid and complete, including its padding.
    pub(super) const fn is_complete(&self) -> bool {
        !self.is_malformed && (self.digits + self.padding) % 4 == 0
    }

    /// Adds a byte of the text. Returns the decoded byte that it completes, if any. Once the text
    /// is malformed, nothing more is decoded.
    pub(super) fn decode(&mut self, byte: u8) -> Option<u8> {
        if byte == b'=' {
            // The last group has two or three digits, which encode one or two bytes.
            self.padding += 1;
            self.is_malformed |= self.digits < 2 || self.digits + self.padding > 4;
            self.padding = self.padding.min(4);
        }
        let value = digit(byte).filter(|_| self.padding == 0);
        let Some(value) = value.filter(|_| !self.is_malformed) else {
            self.is_malformed |= byte != b'=';
            return None;
        };
        self.bits = self.bits << 6 | u32::from(value);
        self.digits = (self.digits + 1) % 4;
        // The bits of the group that no decoded byte contains yet.
        let unused = match self.digits {
            1 => return None,
            2 => 4,
            3 => 2,
            _ => 0,
        };
        Some((self.bits >> unused).to_le_bytes()[0])
    }
}

/// Returns the value of a digit.
const fn digit(byte: u8) -> Option<u8> {
    Some(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::Base64Decoder;

    /// Returns the decoded bytes and whether the text is complete.
    fn decode(text: &str) -> (Vec<u8>, bool) {
        let mut decoder = Base64Decoder::new();
        let bytes = text.bytes().filter_map(|byte| decoder.decode(byte)).collect();
        (bytes, decoder.is_complete())
    }

    #[test]
    fn base64_examples_of_the_rfc_are_decoded() {
        for (text, decoded) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYg==", "foob"),
            ("Zm9vYmE=", "fooba"),
            ("Zm9vYmFy", "foobar"),
        ] {
            assert_eq!(decode(text), (decoded.as_bytes().to_vec(), true), "{text}");
        }
        assert_eq!(decode("+/+/"), (vec![0xFB, 0xFF, 0xBF], true));
    }

    #[test]
    fn base64_that_is_damaged_or_cut_is_not_complete() {
        for text in [
            "Z",
            "Zg",
            "Zg=",
            "Zm8",
            "Zm9vY",
            "=",
            "====",
            "Z===",
            "Zg===",
            "Zm8==",
            "Zm9v=",
            "Zg==Zg==",
            "Zg=v",
            "Zm9-",
            "Zm_v",
            "Zm 9v",
            "Zm9v\n",
            "Zm9v\u{e4}",
        ] {
            assert!(!decode(text).1, "{text}");
        }
        let padding = "Zg".to_owned() + &"=".repeat(1_000);
        assert_eq!(decode(&padding), (b"f".to_vec(), false));
        assert_eq!(decode("Zm9v!Zm9v"), (b"foo".to_vec(), false));
    }
}
