//! Two arguments without a comma between them.

use streamgauge::instrument_endpoint;

#[instrument_endpoint(endpoint = "/items" method = "GET")]
async fn nothing() {}

#[instrument_endpoint(endpoint = "/items"; method = "GET")]
async fn semicolon() {}

fn main() {
    drop(nothing());
    drop(semicolon());
}
