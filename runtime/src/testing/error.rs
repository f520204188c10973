//! The errors of reading a page and of looking up a series.

use std::fmt;

use crate::export::EncodeError;

/// The number of characters that an error shows of a line, and of the reason, which may quote it.
const SHOWN_CHARACTERS: usize = 200;

/// Error returned by [`Page::parse`](super::Page::parse) and [`Page::scrape`](super::Page::scrape).
///
/// `Debug` prints the same text as `Display`, because a failed test prints `Debug`.
#[derive(thiserror::Error)]
#[error(transparent)]
pub struct PageError(#[from] PageProblem);

#[derive(Debug, thiserror::Error)]
pub(super) enum PageProblem {
    #[error("line {number} of the page: {reason}: {line}")]
    Line { number: usize, reason: String, line: String },
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

impl PageProblem {
    /// Makes the error of a line, which is shown up to a maximal length.
    pub(super) fn line(number: usize, reason: impl Into<String>, line: &str) -> Self {
        Self::Line { number, reason: shortened(&reason.into()), line: shortened(line) }
    }
}

/// Cuts a text that is too long for an error. Carriage returns are escaped, because a terminal
/// would print the rest of the line over its beginning.
fn shortened(text: &str) -> String {
    let (shown, dots) = match text.char_indices().nth(SHOWN_CHARACTERS) {
        Some((end, _)) => (text.get(..end).unwrap_or_default(), "…"),
        None => (text, ""),
    };
    shown.replace('\r', "\\r") + dots
}

impl fmt::Debug for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Error returned by [`Page::value`](super::Page::value): no series matches, or several do.
///
/// The text lists what the page has instead. `Debug` prints the same text as `Display`, because a
/// failed test prints `Debug`.
#[derive(thiserror::Error)]
#[error("{0}")]
pub struct SeriesError(pub(super) String);

impl fmt::Debug for SeriesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
