//! What `tracing` is told of a file.

use std::fmt::Debug;
use std::path::Path;
use std::sync::{Mutex, Once};
use std::time::Duration;

use tempfile::tempdir;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::probe::{Writes, metrics};

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Keeps every event of the library. A thread of the library has the subscriber of the whole process.
struct Log;

impl Subscriber for Log {
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
        LINES.lock().expect("no panic").push(line.0);
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

fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing::subscriber::set_global_default(Log).expect("it is the first"));
}

/// The events about a file.
fn told(path: &Path) -> Vec<String> {
    let path = format!("path={}", path.display());
    LINES.lock().expect("no panic").iter().filter(|line| line.contains(&path)).cloned().collect()
}

#[tokio::test]
async fn each_write_that_fails_is_a_warning() {
    listen();
    let directory = tempdir().expect("there is room");
    let path = directory.path().join("gone").join("shop.prom");
    let metrics = metrics();
    let writes = Writes::of(&metrics);
    let every = Duration::from_millis(1);
    let file = metrics.spawn_file_writer(&path, every).expect("it starts");
    writes.pass();
    let before = file.failures();
    assert!(before >= 1);
    let error = file.last_error().expect("it fails");
    file.stop().await.expect_err("the last write fails too");
    let told = told(&path);
    assert!(u64::try_from(told.len()).expect("they are few") > before, "{told:?}");
    let line = format!(
        "WARN message=the metrics were not written to their file path={} error={error}",
        path.display()
    );
    assert_eq!(told.first(), Some(&line));
}

#[tokio::test]
async fn writes_that_succeed_are_not_spoken_of() {
    listen();
    let directory = tempdir().expect("there is room");
    let path = directory.path().join("shop.prom");
    let file = metrics().spawn_file_writer(&path, Duration::from_secs(1)).expect("it starts");
    file.stop().await.expect("it is written");
    assert!(told(&path).is_empty());
}
