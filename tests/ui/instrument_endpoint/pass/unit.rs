//! Functions that return nothing.

#![deny(warnings)]
#![forbid(unsafe_code)]

use streamgauge::instrument_endpoint;

#[instrument_endpoint]
async fn silent() {}

#[instrument_endpoint]
async fn spelled_out() -> () {}

#[instrument_endpoint]
fn statement(seen: &mut Vec<u32>) {
    seen.push(1);
}

#[instrument_endpoint]
fn leaves_early(seen: &mut Vec<u32>, leave: bool) {
    if leave {
        return;
    }
    seen.push(2)
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    let mut seen = Vec::new();
    silent().await;
    spelled_out().await;
    statement(&mut seen);
    leaves_early(&mut seen, true);
    leaves_early(&mut seen, false);
    assert_eq!(seen, [1, 2]);
}
