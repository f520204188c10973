//! A file that follows the metrics.

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

use crate::probe::{Writes, counter, metrics, names, read, when_read};

const OFTEN: Duration = Duration::from_millis(1);
const ONCE: Duration = Duration::from_secs(3600);

#[test]
fn a_file_is_written_at_once_and_again_without_a_runtime() {
    let directory = tempdir().expect("there is room");
    let path = directory.path().join("shop.prom");
    let metrics = metrics();
    let (own, writes) = (counter(&metrics), Writes::of(&metrics));
    let once = metrics.spawn_file_writer(&path, ONCE).expect("it starts");
    writes.begin();
    drop(once);
    let file = metrics.spawn_file_writer(&path, OFTEN).expect("it starts");
    for count in 1..=3 {
        own.inc();
        writes.pass();
        assert_eq!(read(&path).sum("own_total", &[]), count);
    }
    assert_eq!(file.failures(), 0);
    assert!(file.last_error().is_none());
}

#[tokio::test]
async fn stopping_writes_a_last_time() {
    let directory = tempdir().expect("there is room");
    let path = directory.path().join("shop.prom");
    let metrics = metrics();
    let (own, writes) = (counter(&metrics), Writes::of(&metrics));
    let file = metrics.spawn_file_writer(&path, ONCE).expect("it starts");
    writes.begin();
    own.inc_by(7);
    file.stop().await.expect("it is written");
    assert_eq!(read(&path).sum("own_total", &[]), 7);
    let mode = fs::metadata(&path).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o7777, 0o644);
    assert_eq!(names(directory.path()), ["shop.prom"]);
    drop((metrics, own));
    writes.begin();
    writes.end();
}

#[test]
fn a_last_write_that_nobody_waits_for_is_made() {
    let directory = tempdir().expect("there is room");
    let metrics = metrics();
    let writes = Writes::of(&metrics);
    let path = directory.path().join("shop.prom");
    let file = metrics.spawn_file_writer(path, ONCE).expect("it starts");
    writes.begin();
    {
        let mut stop = pin!(file.stop());
        let _ = stop.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    }
    writes.begin();
    drop(metrics);
    writes.end();
}

#[test]
fn a_writer_that_is_dropped_ends_without_a_last_write() {
    let directory = tempdir().expect("there is room");
    let metrics = metrics();
    let writes = Writes::of(&metrics);
    let path = directory.path().join("shop.prom");
    let file = metrics.spawn_file_writer(path, ONCE).expect("it starts");
    writes.begin();
    drop((file, metrics));
    writes.end();
}

#[test]
fn what_cannot_be_a_writer_is_an_error() {
    let metrics = metrics();
    for path in ["/", "..", "", "x/.."] {
        let error = metrics.spawn_file_writer(path, OFTEN).expect_err("it names no file");
        assert!(matches!(error, WriteError::NoFileName { .. }), "{path}: {error}");
        assert!(error.to_string().contains("give a path that ends in a file name"), "{error}");
    }
    let error = metrics.spawn_file_writer("x.prom", Duration::ZERO).expect_err("never and always");
    assert!(matches!(error, WriteError::ZeroInterval { .. }), "{error}");
    assert!(error.to_string().contains("Duration::from_secs(15)"), "{error}");
    assert!(!Path::new("x.prom").exists());
}

#[tokio::test]
async fn the_longest_interval_is_one() {
    let directory = tempdir().expect("there is room");
    let path = directory.path().join("shop.prom");
    let file = metrics().spawn_file_writer(&path, Duration::MAX).expect("it starts");
    file.stop().await.expect("it is written");
    read(&path);
}

#[tokio::test]
async fn a_name_need_not_be_text() {
    let directory = tempdir().expect("there is room");
    let path = directory.path().join(OsStr::from_bytes(b"shop-\xff\n.prom"));
    let metrics = metrics();
    metrics.write_to_file(&path).await.expect("it is written");
    read(&path);
    fs::remove_file(&path).expect("it was there");
    let file = metrics.spawn_file_writer(&path, ONCE).expect("it starts");
    file.stop().await.expect("it is written");
    read(&path);
}

#[tokio::test]
async fn two_writers_of_one_file_leave_it_whole() {
    let directory = tempdir().expect("there is room");
    let path = directory.path().join("shop.prom");
    let metrics = [metrics(), metrics()];
    let writes = metrics.each_ref().map(Writes::of);
    let files = metrics
        .each_ref()
        .map(|metrics| metrics.spawn_file_writer(&path, OFTEN).expect("it starts"));
    for writes in writes.iter().cycle().take(40) {
        writes.pass();
        read(&path);
    }
    for file in files {
        assert_eq!(file.failures(), 0, "{:?}", file.last_error());
        file.stop().await.expect("it is written");
    }
    assert_eq!(names(directory.path()), ["shop.prom"]);
}

#[tokio::test(flavor = "current_thread")]
async fn reading_the_metrics_for_a_file_does_not_hold_up_the_runtime() {
    let directory = tempdir().expect("there is room");
    let metrics = metrics();
    let (go_on, told) = mpsc::channel();
    let told = Mutex::new(told);
    when_read(&metrics, move || {
        let told = told.lock().expect("no panic").recv_timeout(Duration::from_secs(60));
        told.expect("the runtime goes on");
    });
    let write = metrics.write_to_file(directory.path().join("shop.prom"));
    let meanwhile = async { go_on.send(()).expect("it is waited for") };
    let (written, ()) = tokio::join!(write, meanwhile);
    written.expect("it is written");
}

#[test]
fn a_single_write_without_a_runtime_is_an_error() {
    let directory = tempdir().expect("there is room");
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
