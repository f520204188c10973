//! What could not be read, and whether usage may have been in it.

/// The bytes that tell that usage may have been in what cannot be read. The first byte of each occurs
/// in it once.
const TELLTALES: [&[u8]; 3] = [b"usage\"", b"usageMetadata\"", b"eval_count\""];

/// What could not be read.
#[derive(Debug)]
pub(super) struct Lost {
    /// How much of each telltale the last bytes are.
    telltales: [usize; TELLTALES.len()],
    /// A telltale has been read, and its value comes.
    value: bool,
    /// Usage may have been in it.
    usage: bool,
}

impl Lost {
    pub(super) const fn new() -> Self {
        Self { telltales: [0; TELLTALES.len()], value: false, usage: false }
    }

    pub(super) const fn had_usage(&self) -> bool {
        self.usage
    }

    /// From here on nothing can be read. There may have been usage before.
    pub(super) fn begin(&mut self, usage: bool) {
        *self = Self { usage: self.usage || usage, ..Self::new() };
    }

    pub(super) fn read(&mut self, bytes: &[u8]) {
        if self.usage {
            return;
        }
        for byte in bytes {
            if std::mem::take(&mut self.value) {
                match byte {
                    b':' | b' ' => self.value = true,
                    // There is none yet: each frame of some streams says so.
                    b'n' => {}
                    _ => self.usage = true,
                }
            }
            for (telltale, matched) in TELLTALES.iter().zip(&mut self.telltales) {
                *matched = if telltale[*matched] == *byte {
                    *matched + 1
                } else {
                    usize::from(telltale[0] == *byte)
                };
                if *matched == telltale.len() {
                    *matched = 0;
                    self.value = true;
                }
            }
        }
    }
}
