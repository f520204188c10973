//! A duplicate argument.

use streamgauge::instrument_endpoint;

#[instrument_endpoint(endpoint = "/a", method = "GET", endpoint = "/b")]
async fn items() {}

fn main() {
    drop(items());
}
