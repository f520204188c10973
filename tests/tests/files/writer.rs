//! The file writer: periodic writes, the last write, and errors of its settings.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::pin::pin;
use std::sync::Mutex;
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use streamgauge::WriteError;
use tempfile::tempdir;

use crate::probe::{Writes, counter, metrics, names, on_collect, read};

const SHORT_INTERVAL: Duration = Duration::from_millis(1);
const LONG_INTERVAL: Duration = Duration::from_secs(3600);

#[test]
fn file_writer_writes_immediately_and_periodically_without_a_runtime() {
    let directory = tempdir().expect("a temporary directory can be created");
    let metrics = metrics();
    let (own, writes) = (counter(&metrics), Writes::of(&metrics));
    // Another file: the dropped writer may still be writing when the second one has written.
    let path = directory.path().join("once.prom");
    let file = metrics.spawn_file_writer(path, LONG_INTERVAL).expect("the writer starts");
    writes.wait_for_start();
    drop(file);
    let path = directory.path().join("shop.prom");
    let file = metrics.spawn_file_writer(&path, SHORT_INTERVAL).expect("the writer starts");
    for count in 1..=3 {
        own.inc();
        writes.wait_for_write();
        assert_eq!(read(&path).sum("own_total", &[]), count);
    }
    assert_eq!(file.failures(), 0);
    assert!(file.last_error().is_none());
}

#[tokio::test]
async fn stop_writes_the_file_a_last_time() {
    let directory = tempdir().expect("a temporary directory can be created");
    let path = directory.path().join("shop.prom");
    let metrics = metrics();
    let (own, writes) = (counter(&metrics), Writes::of(&metrics));
    let file = metrics.spawn_file_writer(&path, LONG_INTERVAL).expect("the writer starts");
    writes.wait_for_start();
    own.inc_by(7);
    file.stop().await.expect("the file is written");
    assert_eq!(read(&path).sum("own_total", &[]), 7);
    let mode = fs::metadata(&path).expect("the file exists").permissions().mode();
    assert_eq!(mode & 0o7777, 0o644);
    assert_eq!(names(directory.path()), ["shop.prom"]);
    drop((metrics, own));
    writes.wait_for_start();
    writes.assert_ended();
}

#[test]
fn stop_future_that_is_dropped_still_writes_the_file() {
    let directory = tempdir().expect("a temporary directory can be created");
    let metrics = metrics();
    let writes = Writes::of(&metrics);
    let path = directory.path().join("shop.prom");
    let file = metrics.spawn_file_writer(path, LONG_INTERVAL).expect("the writer starts");
    writes.wait_for_start();
    {
        let mut stop = pin!(file.stop());
        let _ = stop.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    }
    writes.wait_for_start();
    drop(metrics);
    writes.assert_ended();
}

#[test]
fn dropped_file_writer_ends_without_a_last_write() {
    let directory = tempdir().expect("a temporary directory can be created");
    let metrics = metrics();
    let writes = Writes::of(&metrics);
    let path = directory.path().join("shop.prom");
    let file = metrics.spawn_file_writer(path, LONG_INTERVAL).expect("the writer starts");
    writes.wait_for_start();
    drop((file, metrics));
    writes.assert_ended();
}

#[test]
fn file_writer_with_invalid_settings_is_an_error() {
    let metrics = metrics();
    for path in ["/", "..", "", "x/.."] {
        let error =
            metrics.spawn_file_writer(path, SHORT_INTERVAL).expect_err("the path has no file name");
        assert!(matches!(error, WriteError::NoFileName { .. }), "{path}: {error}");
        assert!(error.to_string().contains("use a path that ends in a file name"), "{error}");
    }
    let error = metrics
        .spawn_file_writer("x.prom", Duration::ZERO)
        .expect_err("a zero interval is invalid");
    assert!(matches!(error, WriteError::ZeroInterval { .. }), "{error}");
    assert!(error.to_string().contains("Duration::from_secs(15)"), "{error}");
    assert!(!Path::new("x.prom").exists());
}

#[tokio::test]
async fn interval_of_the_maximal_duration_is_valid() {
    let directory = tempdir().expect("a temporary directory can be created");
    let path = directory.path().join("shop.prom");
    let file = metrics().spawn_file_writer(&path, Duration::MAX).expect("the writer starts");
    file.stop().await.expect("the file is written");
    read(&path);
}

#[tokio::test]
async fn file_name_may_be_invalid_utf_8() {
    let directory = tempdir().expect("a temporary directory can be created");
    let path = directory.path().join(OsStr::from_bytes(b"shop-\xff\n.prom"));
    let metrics = metrics();
    metrics.write_to_file(&path).await.expect("the file is written");
    read(&path);
    fs::remove_file(&path).expect("the file exists");
    let file = metrics.spawn_file_writer(&path, LONG_INTERVAL).expect("the writer starts");
    file.stop().await.expect("the file is written");
    read(&path);
}

#[tokio::test]
async fn file_with_two_writers_stays_complete() {
    let directory = tempdir().expect("a temporary directory can be created");
    let path = directory.path().join("shop.prom");
    let metrics = [metrics(), metrics()];
    let writes = metrics.each_ref().map(Writes::of);
    let files = metrics.each_ref().map(|metrics| {
        metrics.spawn_file_writer(&path, SHORT_INTERVAL).expect("the writer starts")
    });
    for writes in writes.iter().cycle().take(40) {
        writes.wait_for_write();
        read(&path);
    }
    for file in files {
        assert_eq!(file.failures(), 0, "{:?}", file.last_error());
        file.stop().await.expect("the file is written");
    }
    assert_eq!(names(directory.path()), ["shop.prom"]);
}

#[tokio::test(flavor = "current_thread")]
async fn runtime_is_not_blocked_while_metrics_are_collected_for_a_file() {
    let directory = tempdir().expect("a temporary directory can be created");
    let metrics = metrics();
    let (sender, receiver) = mpsc::channel();
    let receiver = Mutex::new(receiver);
    on_collect(&metrics, move || {
        let message =
            receiver.lock().expect("no thread panicked").recv_timeout(Duration::from_secs(60));
        message.expect("the runtime is not blocked");
    });
    let write = metrics.write_to_file(directory.path().join("shop.prom"));
    let meanwhile = async { sender.send(()).expect("the collector waits") };
    let (written, ()) = tokio::join!(write, meanwhile);
    written.expect("the file is written");
}

#[test]
fn single_write_without_a_runtime_is_an_error() {
    let directory = tempdir().expect("a temporary directory can be created");
    let metrics = metrics();
    let write = pin!(metrics.write_to_file(directory.path().join("shop.prom")));
    match write.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Err(error @ WriteError::NoRuntime { .. })) => {
            assert!(error.to_string().contains("spawn_file_writer"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(names(directory.path()), [""; 0]);
}
