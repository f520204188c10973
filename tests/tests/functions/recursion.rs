//! Recursive functions.

use streamgauge::{Metrics, instrument_endpoint};
use streamgauge_test_support::Scrape;

use crate::event_log::pause;

plain_and_annotated! {
    pub(super) fn factorial(number: u64) -> u64 {
        if number < 2 {
            return 1;
        }
        number * annotated::factorial(number - 1)
    }

    pub(super) async fn factorial_later(number: u64) -> u64 {
        if number < 2 {
            return 1;
        }
        pause().await;
        number * Box::pin(annotated::factorial_later(number - 1)).await
    }

    pub(super) fn even(number: u32) -> bool {
        number == 0 || annotated::odd(number - 1)
    }

    pub(super) fn odd(number: u32) -> bool {
        number != 0 && annotated::even(number - 1)
    }
}

#[tokio::test]
async fn recursion_returns_the_same_value() {
    assert_same!(factorial(10));
    assert_same!(factorial_later(10).await);
    assert_same!(even(7));
    assert_same!(odd(7));
}

#[instrument_endpoint]
fn counts_down(number: u32) -> u32 {
    if number == 0 { 0 } else { counts_down(number - 1) }
}

#[instrument_endpoint]
async fn counts_down_later(number: u32) -> u32 {
    if number == 0 { 0 } else { Box::pin(counts_down_later(number - 1)).await }
}

#[tokio::test]
async fn recursion_counts_every_call() {
    let counted = |endpoint| {
        let scrape = Scrape::of(Metrics::global());
        assert_eq!(scrape.sum("app_active_requests", &[("endpoint", endpoint)]), 0);
        scrape.sum("app_http_requests_total", &[("endpoint", endpoint)])
    };
    assert_eq!(counts_down(4), 0);
    assert_eq!(counted("counts_down"), 5);
    assert_eq!(counts_down_later(4).await, 0);
    assert_eq!(counted("counts_down_later"), 5);
}
