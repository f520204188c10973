//! How fast the demonstration model speaks.

use std::time::Duration;

/// The pause before each thing that is streamed.
#[derive(Clone, Copy, Debug)]
pub struct Pace(Duration);

impl Pace {
    /// No pause at all.
    pub const NONE: Self = Self(Duration::ZERO);

    /// A pause of this length.
    #[must_use]
    pub fn new(pause: Duration) -> Self {
        Self(pause)
    }

    /// Waits for one pause. Without one it still gives way, so that what was streamed before gets
    /// sent by itself.
    pub(crate) async fn wait(self) {
        if self.0.is_zero() {
            tokio::task::yield_now().await;
        } else {
            tokio::time::sleep(self.0).await;
        }
    }
}
