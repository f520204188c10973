//! Functions without a body.

use streamgauge::instrument_endpoint;

trait Store {
    #[instrument_endpoint]
    fn get(&self, id: u32) -> Option<String>;

    #[instrument_endpoint]
    fn put(&mut self, id: u32);
}

struct Memory;

impl Store for Memory {
    fn get(&self, _id: u32) -> Option<String> {
        None
    }

    fn put(&mut self, _id: u32) {}
}

fn main() {
    Memory.put(1);
    Memory.get(1);
}
