//! Paths that cannot be written are errors, and no other file is changed.

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

use crate::probe::{Writes, age, error_chain, metrics, names, on_collect, read};

const SHORT_INTERVAL: Duration = Duration::from_millis(1);

/// Asserts that a file writer and a single write fail with this reason, and that the writer
/// continues.
pub(crate) async fn assert_write_fails(path: &Path, reason: &str) {
    let metrics = metrics();
    let writes = Writes::of(&metrics);
    let file = metrics.spawn_file_writer(path, SHORT_INTERVAL).expect("the writer starts");
    for _ in 0..3 {
        writes.wait_for_write();
    }
    assert!(file.failures() >= 3, "{file:?}");
    let error = error_chain(&*file.last_error().expect("the write fails"));
    assert!(error.contains(reason), "{error}");
    let last = file.stop().await.expect_err("the last write fails too");
    assert_eq!(error_chain(&last), error);
    let single = metrics.write_to_file(path).await.expect_err("a single write fails too");
    assert_eq!(error_chain(&single), error);
}

#[tokio::test]
async fn path_that_is_not_a_regular_file_is_not_replaced() {
    let directory = tempdir().expect("a temporary directory can be created");
    let at = |name| directory.path().join(name);
    fs::create_dir(at("directory")).expect("the file can be created");
    let status = Command::new("mkfifo").arg(at("fifo")).status().expect("mkfifo is installed");
    assert!(status.success());
    let socket = UnixListener::bind(at("socket")).expect("the address is free");
    fs::write(at("target"), "precious\n").expect("the file can be created");
    symlink(at("target"), at("link")).expect("the file can be created");
    symlink(at("missing"), at("dangling")).expect("the file can be created");
    let before = names(directory.path());
    for (name, kind) in [
        ("directory", "a directory"),
        ("fifo", "a FIFO"),
        ("socket", "a socket"),
        ("link", "a symbolic link"),
        ("dangling", "a symbolic link"),
    ] {
        assert_write_fails(&at(name), kind).await;
    }
    drop(socket);
    let kind = |name| fs::symlink_metadata(at(name)).expect("the file exists").file_type();
    assert!(kind("directory").is_dir() && kind("fifo").is_fifo() && kind("socket").is_socket());
    assert!(kind("link").is_symlink() && kind("dangling").is_symlink());
    assert_eq!(fs::read(at("target")).expect("the file exists"), b"precious\n");
    assert_eq!(names(directory.path()), before);
}

#[tokio::test]
async fn path_where_no_file_can_be_created_is_an_error() {
    let directory = tempdir().expect("a temporary directory can be created");
    fs::write(directory.path().join("file"), "").expect("the file can be created");
    let directory = directory.path();
    for (path, reason) in [
        (directory.join("gone/shop.prom"), "No such file or directory"),
        (directory.join("file/shop.prom"), "Not a directory"),
        (directory.join("x".repeat(256)), "name too long"),
        (directory.join("nul\0.prom"), "unexpected NUL byte"),
    ] {
        assert_write_fails(&path, reason).await;
    }
    // Not even root can create a file in /proc.
    if cfg!(target_os = "linux") {
        assert_write_fails(Path::new("/proc/shop.prom"), "cannot write /proc/shop.prom").await;
    }
    assert_eq!(names(directory), ["file"]);
}

#[tokio::test]
async fn directory_that_disappears_and_returns_is_written_again() {
    let root = tempdir().expect("a temporary directory can be created");
    let (directory, moved) = (root.path().join("directory"), root.path().join("moved"));
    fs::create_dir(&directory).expect("the file can be created");
    let path = directory.join("shop.prom");
    let metrics = metrics();
    let writes = Writes::of(&metrics);
    let file = metrics.spawn_file_writer(&path, SHORT_INTERVAL).expect("the writer starts");
    writes.wait_for_write();
    assert!(file.last_error().is_none());

    fs::rename(&directory, &moved).expect("the directory belongs to this user");
    writes.wait_for_write();
    let error = file.last_error().expect("the directory is missing");
    assert!(matches!(*error, WriteError::Io { .. }), "{error}");
    read(&moved.join("shop.prom"));

    fs::rename(&moved, &directory).expect("the directory belongs to this user");
    fs::remove_file(&path).expect("the file exists");
    writes.wait_for_write();
    assert!(file.last_error().is_none());
    assert!(file.failures() >= 1);
    read(&path);
    file.stop().await.expect("the file is written");
    // A write in progress when the directory was moved could not remove its temporary file. Such a
    // file is removed once it is old.
    for name in names(&directory) {
        age(&directory.join(name));
    }
    metrics.write_to_file(&path).await.expect("the file is written");
    assert_eq!(names(&directory), ["shop.prom"]);
}

#[tokio::test]
async fn collector_that_panics_does_not_stop_the_writer() {
    let directory = tempdir().expect("a temporary directory can be created");
    let path = directory.path().join("shop.prom");
    let metrics = metrics();
    metrics.write_to_file(&path).await.expect("the file is written");
    let old = fs::read(&path).expect("the file exists");
    let broken = Arc::new(AtomicBool::new(true));
    let breaks = Arc::clone(&broken);
    let (read_now, reads) = std::sync::mpsc::channel();
    on_collect(&metrics, move || {
        let _ = read_now.send(());
        assert!(!breaks.load(Relaxed), "on purpose");
    });
    let single = metrics.write_to_file(&path).await.expect_err("the metrics cannot be collected");
    assert!(matches!(single, WriteError::Encode(_)), "{single}");

    let file = metrics.spawn_file_writer(&path, SHORT_INTERVAL).expect("the writer starts");
    for _ in 0..4 {
        reads.recv_timeout(Duration::from_secs(60)).expect("the writer goes on");
    }
    assert!(file.failures() >= 2, "{file:?}");
    let error = file.last_error().expect("the write fails");
    assert!(matches!(*error, WriteError::Encode(_)), "{error}");
    assert_eq!(fs::read(&path).expect("the file exists"), old);
    broken.store(false, Relaxed);
    file.stop().await.expect("the file is written");
    read(&path);
    assert_ne!(fs::read(&path).expect("the file exists"), old);
}
