//! Compile errors: each program in `<attribute>/fail` is refused with the messages beside it.
//!
//! `TRYBUILD=overwrite cargo test -p streamgauge-ui-tests --test fail` writes the messages anew. Read
//! every changed one as a user would.

use trybuild::TestCases;

// Only programs that must fail are listed here. If one had to compile, trybuild would build and link
// all dependencies instead of checking them, and would take the programs one by one.
fn check(attribute: &str) {
    TestCases::new().compile_fail(format!("{attribute}/fail/*.rs"));
}

#[test]
fn instrument_endpoint() {
    check("instrument_endpoint");
}

#[test]
fn streaming_metrics() {
    check("streaming_metrics");
}

#[test]
fn track_tokens() {
    check("track_tokens");
}

#[test]
fn token_usage() {
    check("token_usage");
}

#[test]
fn exception_type() {
    check("exception_type");
}
