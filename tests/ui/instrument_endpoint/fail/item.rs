//! Items that are no functions.

use streamgauge::instrument_endpoint;

#[instrument_endpoint]
struct Item {
    id: u32,
}

#[instrument_endpoint]
impl Item {
    fn id(&self) -> u32 {
        self.id
    }
}

#[instrument_endpoint]
mod handlers {
    pub fn handler() {}
}

#[instrument_endpoint]
const LIMIT: u32 = 1;

#[instrument_endpoint(endpont = "/items")]
pub enum Wrong {
    Too,
}

fn main() {
    handlers::handler();
    println!("{} {LIMIT} {}", Item { id: 1 }.id(), Wrong::Too as u8);
}
