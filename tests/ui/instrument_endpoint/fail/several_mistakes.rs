//! All mistakes in one attribute are reported together.

use streamgauge::instrument_endpoint;

#[instrument_endpoint(endpont = "/a", method = "get", endpoint = "items/:id", method, crate = 7)]
async fn items(id: u32) -> u32 {
    id
}

fn main() {
    drop(items(1));
}
