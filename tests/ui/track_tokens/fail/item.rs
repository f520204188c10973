//! What is no function, or has no body.

use streamgauge::{Usage, track_tokens};

#[track_tokens]
struct Client;

trait Model {
    #[track_tokens]
    fn ask(&self) -> Usage;
}

#[track_tokens]
const fn none() -> Usage {
    Usage::new(0, 0)
}

impl Model for Client {
    fn ask(&self) -> Usage {
        none()
    }
}

fn main() {
    Client.ask();
}
