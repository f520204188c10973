//! Argument values that are not string literals.

use streamgauge::instrument_endpoint;

const ITEMS: &str = "/items";

#[instrument_endpoint(endpoint = 7)]
async fn number() {}

#[instrument_endpoint(endpoint = ITEMS)]
async fn constant() {}

#[instrument_endpoint(endpoint = b"/items")]
async fn bytes() {}

#[instrument_endpoint(endpoint = '/')]
async fn character() {}

#[instrument_endpoint(method = GET)]
async fn method() {}

#[instrument_endpoint(endpoint = concat!("/items", "/{id}"))]
async fn macro_call() {}

fn main() {
    println!("{ITEMS}");
    drop(number());
    drop(constant());
    drop(bytes());
    drop(character());
    drop(method());
    drop(macro_call());
}
