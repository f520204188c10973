//! What an error comes from.

use std::{
    error::Error as StdError,
    fmt::{self, Display},
    iter,
};

/// An error and what it comes from, one by one.
pub(super) fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    iter::successors(Some(error), |&error| error.source())
}

/// The same as one text.
pub(super) struct Causes<'a>(pub(super) &'a (dyn StdError + 'static));

impl Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, cause) in causes(self.0).enumerate() {
            write!(f, "{}{cause}", if place == 0 { "" } else { ": " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn causes_are_told_in_their_order() {
        let refused =
            io::Error::new(io::ErrorKind::NotFound, axum::Error::new(io::Error::other("x")));
        assert_eq!(Causes(&refused).to_string(), "x: x");
        assert_eq!(causes(&refused).count(), 2);
    }
}
