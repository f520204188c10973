//! Errors with their sources.

use std::{
    error::Error as StdError,
    fmt::{self, Display},
    iter,
};

/// Returns an error and its sources, outermost first.
pub(super) fn error_chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    iter::successors(Some(error), |&error| error.source())
}

/// Displays an error and its sources, separated by `: `.
pub(super) struct ErrorChain<'a>(pub(super) &'a (dyn StdError + 'static));

impl Display for ErrorChain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, error) in error_chain(self.0).enumerate() {
            write!(f, "{}{error}", if position == 0 { "" } else { ": " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn error_chain_displays_the_outermost_error_first() {
        let error =
            io::Error::new(io::ErrorKind::NotFound, axum::Error::new(io::Error::other("x")));
        assert_eq!(ErrorChain(&error).to_string(), "x: x");
        assert_eq!(error_chain(&error).count(), 2);
    }
}
