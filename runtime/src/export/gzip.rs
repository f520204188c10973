//! Compression of the page.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

/// The page in gzip. Text of this kind is a tenth of its size even at the fastest level.
pub(super) fn compressed(page: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(page.len() / 8), Compression::fast());
    // Nothing that is written to memory fails.
    let _ = encoder.write_all(page);
    encoder.finish().unwrap_or_default()
}
