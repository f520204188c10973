//! Compile errors: each program in `<attribute>/fail` fails with the messages in its `.stderr`
//! file.
//!
//! `TRYBUILD=overwrite cargo test -p streamgauge-ui-tests --test fail` updates the files. Read
//! every changed message as a user would.

use trybuild::TestCases;

// Only programs that must fail belong here. With a program that must compile, trybuild would build
// and link all dependencies instead of checking them, and run the programs one at a time.
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
