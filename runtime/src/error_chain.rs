//! Errors and their causes.

use std::error::Error;
#[cfg(feature = "axum")]
use std::io;
use std::iter;

/// Formats an error and its sources as `error: cause: cause of the cause`.
///
/// The messages of this crate's errors leave their cause to `source`, so a log line needs the
/// chain.
pub(crate) fn error_chain(error: &dyn Error) -> String {
    let errors = iter::successors(Some(error), |&error| error.source());
    errors.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Returns whether an I/O error of a connection means that the other side has disconnected.
#[cfg(feature = "axum")]
pub(crate) fn is_disconnect(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut, UnexpectedEof};
    matches!(
        error.kind(),
        BrokenPipe | ConnectionAborted | ConnectionReset | TimedOut | UnexpectedEof
    )
}

/// Asserts that an error and its sources are this many errors, and that no message contains the
/// message of one of its sources.
#[cfg(test)]
pub(crate) fn assert_shows_causes_once(error: &dyn Error, errors: usize) {
    let texts: Vec<_> =
        iter::successors(Some(error), |&error| error.source()).map(ToString::to_string).collect();
    assert_eq!(texts.len(), errors, "{texts:?}");
    let chain = error_chain(error);
    for text in &texts {
        assert_eq!(chain.matches(&**text).count(), 1, "{text:?} repeats in {chain:?}");
    }
}
