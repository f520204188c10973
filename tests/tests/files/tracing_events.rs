//! The `tracing` events about a metrics file.

use std::fmt::Debug;
use std::path::Path;
use std::sync::{Mutex, Once};
use std::time::Duration;

use tempfile::tempdir;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::probe::{Writes, error_chain, metrics};

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Records every event of the library. Set as the global subscriber, because the writer's thread
/// has no other.
struct EventRecorder;

impl Subscriber for EventRecorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "streamgauge"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        LINES.lock().expect("no thread panicked").push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0 = format!("{} {field}={value:?}", self.0);
    }
}

fn install_subscriber() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing::subscriber::set_global_default(EventRecorder).expect("no other subscriber is set");
    });
}

/// Returns the events about a file.
fn events(path: &Path) -> Vec<String> {
    let path = format!("path={}", path.display());
    LINES
        .lock()
        .expect("no thread panicked")
        .iter()
        .filter(|line| line.contains(&path))
        .cloned()
        .collect()
}

#[tokio::test]
async fn failed_write_emits_a_warning() {
    install_subscriber();
    let directory = tempdir().expect("a temporary directory can be created");
    let path = directory.path().join("gone").join("shop.prom");
    let metrics = metrics();
    let writes = Writes::of(&metrics);
    let interval = Duration::from_millis(1);
    let file = metrics.spawn_file_writer(&path, interval).expect("the writer starts");
    writes.wait_for_write();
    let before = file.failures();
    assert!(before >= 1);
    let error = file.last_error().expect("the write fails");
    file.stop().await.expect_err("the last write fails too");
    let events = events(&path);
    assert!(u64::try_from(events.len()).expect("the number of events fits") > before, "{events:?}");
    let line = format!(
        "WARN message=the metrics were not written to their file path={} error={}",
        path.display(),
        error_chain(&*error)
    );
    assert_eq!(events.first(), Some(&line));
}

#[tokio::test]
async fn successful_write_emits_no_event() {
    install_subscriber();
    let directory = tempdir().expect("a temporary directory can be created");
    let path = directory.path().join("shop.prom");
    let file =
        metrics().spawn_file_writer(&path, Duration::from_secs(1)).expect("the writer starts");
    file.stop().await.expect("the file is written");
    assert!(events(&path).is_empty());
}
