//! Frames that have a token in them and nothing else. They are nearly all frames of a stream, and a
//! search for a few keys tells them without reading their JSON.
//!
//! Each protocol has a test of its own, `quiet`. Where it says no it may be wrong, and the frame is read.

use std::sync::LazyLock;

use memchr::memmem::Finder;

/// A key of interest, with its quotes: within text these would be escaped.
pub(super) struct Key(LazyLock<Finder<'static>>);

macro_rules! keys {
    ($($name:ident = $key:literal;)*) => {
        $(pub(super) static $name: Key = Key(LazyLock::new(|| Finder::new($key)));)*
    };
}

keys! {
    USAGE = "\"usage\"";
    ERROR = "\"error\"";
    FINISH_REASON = "\"finish_reason\"";
    STOP_REASON = "\"stop_reason\"";
    DELTA = "\"delta\"";
}

impl Key {
    /// Whether the key is nowhere in a frame, or is null wherever it is.
    pub(super) fn is_null(&self, frame: &[u8]) -> bool {
        self.0.find_iter(frame).all(|at| self.after(frame, at).starts_with(b":null"))
    }

    /// What follows the key where it is first.
    pub(super) fn first<'a>(&self, frame: &'a [u8]) -> Option<&'a [u8]> {
        self.0.find(frame).map(|at| self.after(frame, at))
    }

    fn after<'a>(&self, frame: &'a [u8], at: usize) -> &'a [u8] {
        frame.get(at + self.0.needle().len()..).unwrap_or_default()
    }
}

/// Whether the bytes are one of these beginnings of a string, and the string is not empty.
pub(super) fn begins_text(bytes: &[u8], beginnings: &[&[u8]]) -> bool {
    beginnings
        .iter()
        .filter_map(|beginning| bytes.strip_prefix(*beginning))
        .any(|text| text.first().is_some_and(|byte| *byte != b'"'))
}
