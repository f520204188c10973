//! Identities between families that hold whenever a server is idle.

use crate::Scrape;

/// Checks that the families of an idle instance agree with each other.
///
/// # Panics
///
/// If they do not.
#[track_caller]
pub fn assert_identities(scrape: &Scrape) {
    let sum = |family: &str, labels: &[(&str, &str)]| scrape.sum(&format!("app_{family}"), labels);
    let equal = |one: (&str, &[(&str, &str)]), other: (&str, &[(&str, &str)])| {
        let (left, right) = (sum(one.0, one.1), sum(other.0, other.1));
        assert_eq!(left, right, "{one:?} and {other:?}: {scrape:#?}");
    };
    for gauge in ["active_requests", "active_streams"] {
        assert_eq!(sum(gauge, &[]), 0, "{gauge}: {scrape:#?}");
    }
    for outcome in ["success", "client_error", "server_error", "cancelled", "panic"] {
        let outcome = [("outcome", outcome)];
        equal(("http_requests_total", &outcome), ("http_request_duration_seconds_count", &outcome));
    }
    let failed_streams = ["stream_error", "error_event", "panic"]
        .map(|outcome| sum("stream_duration_seconds_count", &[("outcome", outcome)]));
    assert_eq!(sum("stream_errors_total", &[]), failed_streams.iter().sum::<i64>(), "{scrape:#?}");
    for provider in scrape.values("app_llm_calls_total", "provider") {
        let provider = [("provider", provider)];
        equal(("llm_calls_total", &provider), ("llm_call_duration_seconds_count", &provider));
    }
    let without_error = sum("llm_calls_total", &[("error_type", "")]);
    let ended = |outcome| sum("llm_call_duration_seconds_count", &[("outcome", outcome)]);
    assert_eq!(without_error, ended("success") + ended("cancelled"), "{scrape:#?}");
    equal(
        ("llm_calls_total", &[("error_type", "truncated")]),
        ("llm_call_duration_seconds_count", &[("outcome", "truncated")]),
    );
    for token_type in ["input", "output"] {
        let token_type = [("token_type", token_type)];
        equal(("token_usage_total", &token_type), ("request_tokens_sum", &token_type));
    }
    equal(("llm_calls_per_request_count", &[]), ("llm_overhead_seconds_count", &[]));
    let missing = sum("usage_missing_total", &[]);
    assert!(missing <= ended("success") + ended("cancelled") + ended("truncated"), "{scrape:#?}");
}
