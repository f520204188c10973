//! A subscriber of the whole process that counts what it is told of. In a process of its own: there is one
//! such subscriber.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use streamgauge::{Metrics, track_detailed_exception, track_global_exception};
use streamgauge_test_support::Scrape;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

static TOLD: AtomicU64 = AtomicU64::new(0);

struct Counting;

impl Subscriber for Counting {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        if event.metadata().target() == "streamgauge" {
            TOLD.fetch_add(1, Relaxed);
            track_global_exception(&std::fmt::Error);
            track_detailed_exception(&std::fmt::Error, axum::http::StatusCode::OK);
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn a_subscriber_that_counts_what_it_is_told_of_is_not_told_of_that() {
    tracing::subscriber::set_global_default(Counting).expect("it is the first");
    track_global_exception(&"a failure");
    assert_eq!(TOLD.load(Relaxed), 1);
    let scrape = Scrape::of(Metrics::global());
    assert_eq!(scrape.sum("app_global_exceptions_total", &[]), 2);
    assert_eq!(scrape.sum("app_exceptions_total", &[]), 1);
    track_global_exception(&"another");
    assert_eq!(TOLD.load(Relaxed), 2);
}
