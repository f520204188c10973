//! HTTP methods that are unknown or misspelled.

use streamgauge::instrument_endpoint;

#[instrument_endpoint(method = "FETCH")]
async fn unknown() {}

#[instrument_endpoint(method = "get")]
async fn lower_case() {}

#[instrument_endpoint(method = "GET ")]
async fn space() {}

#[instrument_endpoint(method = "")]
async fn empty() {}

fn main() {
    drop(unknown());
    drop(lower_case());
    drop(space());
    drop(empty());
}
