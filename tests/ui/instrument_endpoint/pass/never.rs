//! Functions that never return.

#![deny(warnings)]
#![forbid(unsafe_code)]

use std::process;
use std::time::Duration;

use streamgauge::instrument_endpoint;

#[instrument_endpoint]
fn exit(code: i32) -> ! {
    process::exit(code)
}

#[instrument_endpoint]
fn exit_after(mut tries: u32) -> ! {
    loop {
        tries -= 1;
        if tries == 0 {
            exit(0);
        }
    }
}

/// The type `!` coerces to the expected type.
fn number(given: Option<u32>) -> u32 {
    match given {
        Some(number) => number,
        None => exit_after(3),
    }
}

#[instrument_endpoint]
async fn beat() -> ! {
    loop {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert!(tokio::time::timeout(Duration::from_millis(5), beat()).await.is_err());
    assert_eq!(number(Some(1)), 1);
    number(None);
}
