//! What the attributes accept, and what they say to a mistake.
//!
//! Programs in `ui/<attribute>/pass` must compile, without a warning, and run; those in `fail` must be
//! refused with the message beside them. `TRYBUILD=overwrite` writes the messages anew: read them.

use trybuild::TestCases;

fn check(attribute: &str) {
    let cases = TestCases::new();
    cases.pass(format!("ui/{attribute}/pass/*.rs"));
    cases.compile_fail(format!("ui/{attribute}/fail/*.rs"));
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
