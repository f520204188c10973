//! A test for frames that need no JSON scan.
//!
//! Nearly all frames of a stream have content and nothing else that counts. A search for a few keys
//! recognizes them. Each protocol has a test of its own, `content_only`. A frame that the test does
//! not recognize is scanned.

use std::sync::LazyLock;

use memchr::memmem::Finder;

/// A key together with its quotes. Text cannot contain it, because quotes are escaped there.
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
    TOOL_CALLS = "\"tool_calls\"";
    FUNCTION_CALL = "\"function_call\"";
    DELTA = "\"delta\"";
}

impl Key {
    /// Returns whether the key is absent, or null wherever it occurs.
    pub(super) fn is_null(&self, frame: &[u8]) -> bool {
        self.0.find_iter(frame).all(|at| self.after(frame, at).starts_with(b":null"))
    }

    /// Returns the bytes after the first occurrence of the key.
    pub(super) fn after_first<'a>(&self, frame: &'a [u8]) -> Option<&'a [u8]> {
        self.0.find(frame).map(|at| self.after(frame, at))
    }

    fn after<'a>(&self, frame: &'a [u8], at: usize) -> &'a [u8] {
        frame.get(at + self.0.needle().len()..).unwrap_or_default()
    }
}

/// Returns whether `bytes` start with one of the prefixes, each of which ends with an opening
/// quote, and the string that follows is not empty.
pub(super) fn starts_non_empty_string(bytes: &[u8], prefixes: &[&[u8]]) -> bool {
    prefixes
        .iter()
        .filter_map(|prefix| bytes.strip_prefix(*prefix))
        .any(|string| string.first().is_some_and(|byte| *byte != b'"'))
}
