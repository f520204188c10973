//! The speed at which the demonstration model generates tokens.

use std::time::Duration;

/// Pause before each token, or before each chunk of the basic endpoints' streams.
#[derive(Clone, Copy, Debug)]
pub struct Pace(Duration);

impl Pace {
    /// No pause.
    pub const NONE: Self = Self(Duration::ZERO);

    /// Creates a pause of this length.
    #[must_use]
    pub fn new(pause: Duration) -> Self {
        Self(pause)
    }

    /// Waits for one pause.
    ///
    /// Without a pause, yields to the runtime once, so that the server sends each chunk on its own.
    pub(crate) async fn wait(self) {
        if self.0.is_zero() {
            tokio::task::yield_now().await;
        } else {
            tokio::time::sleep(self.0).await;
        }
    }
}
