//! What stands in the way of a file is an error, and nothing else is touched.

use std::fs;
use std::os::unix::fs::{FileTypeExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use streamgauge::WriteError;
use tempfile::tempdir;

use crate::probe::{Writes, metrics, names, read, when_read};

const OFTEN: Duration = Duration::from_millis(1);

/// Both ways to write a file fail, say why, and leave nothing over; the writer goes on.
pub(crate) async fn refused(path: &Path, why: &str) {
    let metrics = metrics();
    let writes = Writes::of(&metrics);
    let file = metrics.spawn_file_writer(path, OFTEN).expect("it starts");
    for _ in 0..3 {
        writes.pass();
    }
    assert!(file.failures() >= 3, "{file:?}");
    let error = file.last_error().expect("it fails").to_string();
    assert!(error.contains(why), "{error}");
    let last = file.stop().await.expect_err("the last write fails too");
    assert_eq!(last.to_string(), error);
    let once = metrics.write_to_file(path).await.expect_err("so does one by itself");
    assert_eq!(once.to_string(), error);
}

#[tokio::test]
async fn what_is_no_regular_file_is_not_replaced() {
    let directory = tempdir().expect("there is room");
    let at = |name| directory.path().join(name);
    fs::create_dir(at("directory")).expect("there is room");
    let made = Command::new("mkfifo").arg(at("fifo")).status().expect("there is mkfifo");
    assert!(made.success());
    let socket = UnixListener::bind(at("socket")).expect("it is free");
    fs::write(at("elsewhere"), "precious\n").expect("there is room");
    symlink(at("elsewhere"), at("link")).expect("there is room");
    symlink(at("nowhere"), at("dangling")).expect("there is room");
    let before = names(directory.path());
    for (name, kind) in [
        ("directory", "a directory"),
        ("fifo", "a FIFO"),
        ("socket", "a socket"),
        ("link", "a symbolic link"),
        ("dangling", "a symbolic link"),
    ] {
        refused(&at(name), kind).await;
    }
    drop(socket);
    let kind = |name| fs::symlink_metadata(at(name)).expect("it is there").file_type();
    assert!(kind("directory").is_dir() && kind("fifo").is_fifo() && kind("socket").is_socket());
    assert!(kind("link").is_symlink() && kind("dangling").is_symlink());
    assert_eq!(fs::read(at("elsewhere")).expect("it is there"), b"precious\n");
    assert_eq!(names(directory.path()), before);
}

#[tokio::test]
async fn where_no_file_can_be_made_there_is_an_error() {
    let directory = tempdir().expect("there is room");
    fs::write(directory.path().join("file"), "").expect("there is room");
    let directory = directory.path();
    for (path, why) in [
        (directory.join("gone/shop.prom"), "No such file or directory"),
        (directory.join("file/shop.prom"), "Not a directory"),
        (directory.join("x".repeat(255)), "name too long"),
        (directory.join("nul\0.prom"), "unexpected NUL byte"),
    ] {
        refused(&path, why).await;
    }
    // Not even root makes a file there.
    if cfg!(target_os = "linux") {
        refused(Path::new("/proc/shop.prom"), "cannot write /proc/shop.prom").await;
    }
    assert_eq!(names(directory), ["file"]);
}

#[tokio::test]
async fn a_directory_may_go_and_come_back() {
    let root = tempdir().expect("there is room");
    let (here, away) = (root.path().join("here"), root.path().join("away"));
    fs::create_dir(&here).expect("there is room");
    let path = here.join("shop.prom");
    let metrics = metrics();
    let writes = Writes::of(&metrics);
    let file = metrics.spawn_file_writer(&path, OFTEN).expect("it starts");
    writes.pass();
    assert!(file.last_error().is_none());

    fs::rename(&here, &away).expect("it is ours");
    writes.pass();
    let error = file.last_error().expect("there is no such directory");
    assert!(matches!(*error, WriteError::Io { .. }), "{error}");
    read(&away.join("shop.prom"));

    fs::rename(&away, &here).expect("it is ours");
    fs::remove_file(&path).expect("it was there");
    writes.pass();
    assert!(file.last_error().is_none());
    assert!(file.failures() >= 1);
    read(&path);
    file.stop().await.expect("it is written");
    // A write that was under way when the directory went cannot take its temporary file away.
    metrics.write_to_file(&path).await.expect("it is written");
    assert_eq!(names(&here), ["shop.prom"]);
}

#[tokio::test]
async fn a_collector_that_panics_stops_no_writer() {
    let directory = tempdir().expect("there is room");
    let path = directory.path().join("shop.prom");
    let metrics = metrics();
    metrics.write_to_file(&path).await.expect("it is written");
    let old = fs::read(&path).expect("it is there");
    let broken = Arc::new(AtomicBool::new(true));
    let breaks = Arc::clone(&broken);
    let (read_now, reads) = std::sync::mpsc::channel();
    when_read(&metrics, move || {
        let _ = read_now.send(());
        assert!(!breaks.load(Relaxed), "on purpose");
    });
    let once = metrics.write_to_file(&path).await.expect_err("it cannot be read");
    assert!(matches!(once, WriteError::Encode(_)), "{once}");

    let file = metrics.spawn_file_writer(&path, OFTEN).expect("it starts");
    for _ in 0..4 {
        reads.recv_timeout(Duration::from_secs(60)).expect("the writer goes on");
    }
    assert!(file.failures() >= 2, "{file:?}");
    let error = file.last_error().expect("it fails");
    assert!(matches!(*error, WriteError::Encode(_)), "{error}");
    assert_eq!(fs::read(&path).expect("it is there"), old);
    broken.store(false, Relaxed);
    file.stop().await.expect("it is written");
    read(&path);
    assert_ne!(fs::read(&path).expect("it is there"), old);
}
