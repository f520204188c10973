//! The coding in which a page is sent.

#[cfg(feature = "gzip")]
use std::io::Write;
#[cfg(feature = "gzip")]
use std::mem;

#[cfg(feature = "gzip")]
use flate2::{Compression, write::GzEncoder};
use http::HeaderMap;

/// The fewest compressed bytes that are sent before the end: of a first piece there may be the header alone.
#[cfg(feature = "gzip")]
const WORTH_SENDING: usize = 4 * 1024;

/// A coding, and what it has yet to give.
pub(super) enum Coding {
    Identity,
    #[cfg(feature = "gzip")]
    Gzip(GzEncoder<Vec<u8>>),
}

impl Coding {
    /// The coding that a client asks for.
    #[cfg_attr(not(feature = "gzip"), expect(unused_variables))]
    pub(super) fn of(headers: &HeaderMap) -> Self {
        #[cfg(feature = "gzip")]
        if super::accept::takes_gzip(headers) {
            // Text of this kind is a tenth of its size even at the fastest level.
            return Self::Gzip(GzEncoder::new(Vec::new(), Compression::fast()));
        }
        Self::Identity
    }

    /// What `BodyContent-Encoding` calls it.
    pub(super) fn name(&self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            #[cfg(feature = "gzip")]
            Self::Gzip(_) => Some("gzip"),
        }
    }

    /// What there is to send after another piece: perhaps nothing, unless it was the last.
    #[cfg_attr(not(feature = "gzip"), expect(unused_variables))]
    pub(super) fn coded(&mut self, piece: Vec<u8>, is_last: bool) -> Vec<u8> {
        match self {
            Self::Identity => piece,
            #[cfg(feature = "gzip")]
            Self::Gzip(encoder) => {
                // Nothing that is written to memory fails.
                let _ = encoder.write_all(&piece);
                if is_last {
                    let _ = encoder.try_finish();
                } else if encoder.get_ref().len() < WORTH_SENDING {
                    return Vec::new();
                }
                mem::take(encoder.get_mut())
            }
        }
    }
}
