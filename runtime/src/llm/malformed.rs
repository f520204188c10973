//! A search for usage in malformed JSON.
//!
//! What the JSON scanner cannot read is skipped. A reply whose skipped bytes may have held usage is
//! counted as `unparsed`, and not as a reply without usage.

/// The ends of the keys whose values are usage. The matching below relies on this: the first byte
/// of each occurs in it only once.
const USAGE_KEYS: [&[u8]; 3] = [b"usage\"", b"usageMetadata\"", b"eval_count\""];

/// Searches skipped bytes for keys of usage.
#[derive(Debug)]
pub(super) struct MalformedUsage {
    /// How many bytes of each key match the bytes read last.
    matched: [usize; USAGE_KEYS.len()],
    /// A key has been read, and its value comes next.
    expects_value: bool,
    is_found: bool,
}

impl MalformedUsage {
    pub(super) const fn new() -> Self {
        Self { matched: [0; USAGE_KEYS.len()], expects_value: false, is_found: false }
    }

    /// Returns whether skipped bytes may have held usage.
    pub(super) const fn is_found(&self) -> bool {
        self.is_found
    }

    /// Begins to skip bytes. `in_frame` is whether usage was found in the frame that they cut off.
    pub(super) fn begin(&mut self, in_frame: bool) {
        *self = Self { is_found: self.is_found || in_frame, ..Self::new() };
    }

    pub(super) fn search(&mut self, skipped: &[u8]) {
        if self.is_found {
            return;
        }
        for byte in skipped {
            if std::mem::take(&mut self.expects_value) {
                match byte {
                    b':' | b' ' => self.expects_value = true,
                    // Some streams have `"usage":null` in each frame.
                    b'n' => {}
                    _ => self.is_found = true,
                }
            }
            for (key, matched) in USAGE_KEYS.iter().zip(&mut self.matched) {
                *matched = if key[*matched] == *byte {
                    *matched + 1
                } else {
                    usize::from(key[0] == *byte)
                };
                if *matched == key.len() {
                    *matched = 0;
                    self.expects_value = true;
                }
            }
        }
    }
}
