//! `crate` arguments that are not a path, or do not resolve.

use streamgauge::instrument_endpoint;

#[instrument_endpoint(crate = "streamgauge")]
async fn text() {}

#[instrument_endpoint(crate = streamgauge::<u8>)]
async fn generic() {}

#[instrument_endpoint(crate = gauge)]
async fn nowhere() {}

fn main() {
    drop(text());
    drop(generic());
    drop(nowhere());
}
