//! A global `tracing` subscriber that records exceptions while it handles an event of streamgauge.
//!
//! This test has a process of its own because the global subscriber can be set only once.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use streamgauge::{Metrics, track_detailed_exception, track_global_exception};
use streamgauge_test_support::Scrape;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

static EVENTS: AtomicU64 = AtomicU64::new(0);

struct RecordingSubscriber;

impl Subscriber for RecordingSubscriber {
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
            EVENTS.fetch_add(1, Relaxed);
            track_global_exception(&std::fmt::Error);
            track_detailed_exception(&std::fmt::Error, axum::http::StatusCode::OK);
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn subscriber_that_records_exceptions_does_not_receive_events_about_them() {
    tracing::subscriber::set_global_default(RecordingSubscriber)
        .expect("no other subscriber is set");
    track_global_exception(&"a failure");
    assert_eq!(EVENTS.load(Relaxed), 1);
    let scrape = Scrape::of(Metrics::global());
    assert_eq!(scrape.sum("app_global_exceptions_total", &[]), 2);
    assert_eq!(scrape.sum("app_exceptions_total", &[]), 1);
    track_global_exception(&"another");
    assert_eq!(EVENTS.load(Relaxed), 2);
}
