//! Arguments without a value, or with invalid syntax for the value.

use streamgauge::instrument_endpoint;

#[instrument_endpoint(endpoint)]
async fn name_only() {}

#[instrument_endpoint(endpoint = , method = "GET")]
async fn nothing_behind_the_sign() {}

#[instrument_endpoint(method =)]
async fn nothing_at_the_end() {}

#[instrument_endpoint(endpoint: "/items")]
async fn colon() {}

#[instrument_endpoint(endpoint("/items"))]
async fn parentheses() {}

#[instrument_endpoint(crate)]
async fn no_path() {}

fn main() {
    drop(name_only());
    drop(nothing_behind_the_sign());
    drop(nothing_at_the_end());
    drop(colon());
    drop(parentheses());
    drop(no_path());
}
