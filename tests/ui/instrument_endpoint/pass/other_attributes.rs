//! Other attributes on the function keep working, before and after `#[instrument_endpoint]`.

#![deny(warnings)]
#![forbid(unsafe_code)]

use streamgauge::instrument_endpoint;

/// Documented.
#[instrument_endpoint]
#[must_use]
#[inline(never)]
#[allow(unused_variables)]
pub fn before(unused: u32) -> u32 {
    let unused_too = 1;
    2
}

#[allow(unused_variables)]
#[instrument_endpoint]
async fn after(unused: u32) -> u32 {
    3
}

#[cfg(any())]
#[instrument_endpoint]
fn absent() -> u32 {
    4
}

#[cfg_attr(all(), instrument_endpoint(endpoint = "/present"))]
fn absent() -> u32 {
    5
}

#[deprecated]
#[instrument_endpoint]
fn old() -> u32 {
    6
}

#[instrument_endpoint]
extern "C" fn foreign(number: u32) -> u32 {
    number
}

/// `tokio::main` turns the async function into a plain one.
#[tokio::main(flavor = "current_thread")]
#[instrument_endpoint]
async fn within_a_runtime() -> u32 {
    std::future::ready(8).await
}

#[instrument_endpoint]
#[tokio::main(flavor = "current_thread")]
async fn around_a_runtime() -> u32 {
    std::future::ready(9).await
}

pub(crate) fn main() {
    assert_eq!(before(1), 2);
    assert_eq!(absent(), 5);
    #[allow(deprecated)]
    let old = old();
    assert_eq!(old, 6);
    assert_eq!(foreign(1), 1);
    assert_eq!(within_a_runtime(), 8);
    assert_eq!(around_a_runtime(), 9);
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
        assert_eq!(after(1).await, 3);
    });
}
