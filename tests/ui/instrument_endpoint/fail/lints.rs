//! The attribute neither adds nor hides warnings about the arguments and the body.

#![deny(warnings)]

use streamgauge::instrument_endpoint;

#[instrument_endpoint]
async fn unused(argument: u32) {
    let local = 1;
}

#[instrument_endpoint]
fn unused_mut(mut argument: u32) -> u32 {
    argument
}

#[instrument_endpoint]
fn unreachable() -> u32 {
    return 1;
    2
}

#[instrument_endpoint]
fn unused_result() {
    "7".parse::<u32>();
}

#[tokio::main]
async fn main() {
    unused(1).await;
    unused_mut(1);
    unreachable();
    unused_result();
}
