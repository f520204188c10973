//! Arguments without a name.

use streamgauge::instrument_endpoint;

#[instrument_endpoint("/items")]
async fn path() {}

#[instrument_endpoint(GET, "/items")]
async fn method_and_path() {}

#[instrument_endpoint(, endpoint = "/items")]
async fn nothing() {}

fn main() {
    drop(path());
    drop(method_and_path());
    drop(nothing());
}
