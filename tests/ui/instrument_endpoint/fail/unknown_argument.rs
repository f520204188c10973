//! Unknown arguments.

use streamgauge::instrument_endpoint;

#[instrument_endpoint(method = "GET", endpont = "/items")]
async fn misspelled() {}

#[instrument_endpoint(model = "small-1")]
fn of_another_attribute() -> u32 {
    1
}

#[instrument_endpoint(skip)]
async fn without_a_value() {}

#[instrument_endpoint(path = "/items")]
fn by_another_name() {}

#[instrument_endpoint(methd = "GET", Endpoint = "/items", krate = streamgauge)]
fn several() {}

fn main() {
    by_another_name();
    several();
    drop(misspelled());
    of_another_attribute();
    drop(without_a_value());
}
