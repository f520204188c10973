//! Compression of the page.

use std::io::Write;
use std::mem;

use flate2::Compression;
use flate2::write::GzEncoder;

/// A page in gzip. Text of this kind is a tenth of its size even at the fastest level.
pub(super) struct Gzip(GzEncoder<Vec<u8>>);

impl Gzip {
    pub(super) fn new() -> Self {
        Self(GzEncoder::new(Vec::new(), Compression::fast()))
    }

    /// What there is of the page after another piece: perhaps nothing, unless it was the last.
    pub(super) fn compressed(&mut self, piece: &[u8], is_last: bool) -> Vec<u8> {
        // Nothing that is written to memory fails.
        let _ = self.0.write_all(piece);
        if is_last {
            let _ = self.0.try_finish();
        }
        mem::take(self.0.get_mut())
    }
}
