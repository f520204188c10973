//! All that is wrong with one attribute is said at once.

use streamgauge::instrument_endpoint;

#[instrument_endpoint(endpont = "/a", method = "get", endpoint = "items/:id", method, crate = 7)]
async fn items(id: u32) -> u32 {
    id
}

fn main() {
    drop(items(1));
}
