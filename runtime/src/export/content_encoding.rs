//! Compresses a page piece by piece.

#[cfg(feature = "gzip")]
use std::io::Write;
#[cfg(feature = "gzip")]
use std::mem;

#[cfg(feature = "gzip")]
use flate2::{Compression, write::GzEncoder};
use http::HeaderMap;

/// The fewest compressed bytes that are sent before the end of the page. Without this minimum the
/// first piece could be a lone gzip header.
#[cfg(feature = "gzip")]
const MIN_COMPRESSED_PIECE: usize = 4 * 1024;

/// The content encoding of a response, with the state of its encoder.
pub(super) enum ContentEncoding {
    Identity,
    #[cfg(feature = "gzip")]
    Gzip(GzEncoder<Vec<u8>>),
}

impl ContentEncoding {
    /// Selects the encoding that the request headers accept.
    #[cfg_attr(not(feature = "gzip"), expect(unused_variables))]
    pub(super) fn from_headers(headers: &HeaderMap) -> Self {
        #[cfg(feature = "gzip")]
        if super::accept::accepts_gzip(headers) {
            // Even the fastest level compresses a page to about a tenth.
            return Self::Gzip(GzEncoder::new(Vec::new(), Compression::fast()));
        }
        Self::Identity
    }

    /// Returns the value of the header `Content-Encoding`, if the response needs one.
    pub(super) fn name(&self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            #[cfg(feature = "gzip")]
            Self::Gzip(_) => Some("gzip"),
        }
    }

    /// Encodes a piece of the page. The result may be empty, unless the piece is the last one.
    #[cfg_attr(not(feature = "gzip"), expect(unused_variables))]
    pub(super) fn encode(&mut self, piece: Vec<u8>, is_last: bool) -> Vec<u8> {
        match self {
            Self::Identity => piece,
            #[cfg(feature = "gzip")]
            Self::Gzip(encoder) => {
                // Writing to a `Vec` does not fail.
                let _ = encoder.write_all(&piece);
                if is_last {
                    let _ = encoder.try_finish();
                } else if encoder.get_ref().len() < MIN_COMPRESSED_PIECE {
                    return Vec::new();
                }
                mem::take(encoder.get_mut())
            }
        }
    }
}
