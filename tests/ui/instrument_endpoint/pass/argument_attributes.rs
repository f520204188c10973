//! Attributes on arguments apply to the whole function.

#![deny(warnings)]
#![forbid(unsafe_code)]

use streamgauge::instrument_endpoint;

#[instrument_endpoint]
fn on_arguments(#[allow(unused_variables)] unused: u32, #[allow(unused_mut)] mut same: u32) -> u32 {
    same
}

#[instrument_endpoint]
async fn conditional(
    #[cfg(any())] absent: u32,
    #[cfg(all())] present: u32,
    #[cfg_attr(all(), allow(unused_variables))] unused: u32,
) -> u32 {
    present
}

#[instrument_endpoint]
fn in_patterns(#[allow(unused_variables, unused_mut)] (mut unused, same): (u32, u32)) -> u32 {
    same
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    assert_eq!(on_arguments(1, 2), 2);
    assert_eq!(conditional(1, 2).await, 1);
    assert_eq!(in_patterns((1, 2)), 2);
}
