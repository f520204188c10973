//! Inner attributes and inner doc comments in the body apply to the function.

#![deny(warnings)]
#![forbid(unsafe_code)]

use streamgauge::instrument_endpoint;

#[instrument_endpoint]
async fn allowed() -> u32 {
    #![allow(unused_variables)]
    #![allow(unused_mut, dead_code)]
    let mut unused = 1;
    const NEVER: u32 = 2;
    3
}

#[instrument_endpoint]
fn documented() -> u32 {
    //! What it does.
    /*! And how. */
    #![allow(unused_assignments)]

    let mut number = 1;
    number = 2;
    number
}

#[instrument_endpoint]
fn nothing_else() {
    #![allow(unused)]
}

/// An outer attribute at the start of the body.
#[instrument_endpoint]
fn outer() -> u32 {
    #[allow(unused_variables)]
    let unused = 1;
    2
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    assert_eq!(allowed().await, 3);
    assert_eq!(documented(), 2);
    nothing_else();
    assert_eq!(outer(), 2);
}
