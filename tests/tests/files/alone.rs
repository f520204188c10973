//! What needs a process of its own: a limit on the size of files, which is like a disk that is full, and a
//! current directory.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::{self, Command};
use std::time::Duration;

use prometheus::IntGauge;
use streamgauge::WriteError;
use tempfile::tempdir;

use crate::probe::{Writes, metrics, names, read};

const DIRECTORY: &str = "STREAMGAUGE_TEST_LITTLE_ROOM";

#[test]
fn without_room_the_old_file_stays_until_there_is_some() {
    let directory = tempdir().expect("there is room");
    let this = env::current_exe().expect("it has a path");
    // A write beyond the limit is an error only for who ignores the signal. Blocks are of 512 bytes, or 1024.
    let limited = "trap '' XFSZ; ulimit -f 64; exec \"$0\" --exact alone::writes_with_little_room --include-ignored";
    let output = Command::new("sh")
        .args(["-c", limited])
        .arg(this)
        .env(DIRECTORY, directory.path())
        .output()
        .expect("there is a shell");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[tokio::test]
#[ignore = "runs in a process of its own, with a limit"]
async fn writes_with_little_room() {
    let Some(directory) = env::var_os(DIRECTORY).map(PathBuf::from) else { return };
    let path = directory.join("shop.prom");
    let metrics = metrics();
    metrics.write_to_file(&path).await.expect("a small one fits");
    let old = fs::read(&path).expect("it is there");

    let large = IntGauge::new("large", "x".repeat(200_000)).expect("a name");
    metrics.registry().register(Box::new(large.clone())).expect("it is new");
    let error = metrics.write_to_file(&path).await.expect_err("a large one does not fit");
    assert!(matches!(error, WriteError::Io { .. }), "{error}");
    let writes = Writes::of(&metrics);
    let file = metrics.spawn_file_writer(&path, Duration::from_millis(1)).expect("it starts");
    writes.pass();
    assert!(file.last_error().is_some());
    assert_eq!(fs::read(&path).expect("it is there"), old);

    metrics.registry().unregister(Box::new(large)).expect("it was there");
    writes.pass();
    assert!(file.last_error().is_none());
    file.stop().await.expect("there is room again");
    assert_ne!(fs::read(&path).expect("it is there"), old);
    read(&path);
    assert_eq!(names(&directory), ["shop.prom"]);
}

const HERE: &str = "STREAMGAUGE_TEST_HERE";

#[test]
fn a_bare_name_is_a_file_in_the_current_directory() {
    let directory = tempdir().expect("there is room");
    fs::write(directory.path().join(".shop.prom.streamgauge-1-0.tmp"), "left")
        .expect("there is room");
    let this = env::current_exe().expect("it has a path");
    let output = Command::new(this)
        .args(["--exact", "alone::writes_here", "--include-ignored"])
        .env(HERE, "")
        .current_dir(&directory)
        .output()
        .expect("this program runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    assert_eq!(names(directory.path()), ["shop.prom"]);
}

#[tokio::test]
#[ignore = "runs in a process of its own, with a current directory"]
async fn writes_here() {
    if env::var_os(HERE).is_none() {
        return;
    }
    // As of a process with the same id, in another container.
    let names =
        [0, 1, 2].map(|count| format!(".shop.prom.streamgauge-{}-{count}.tmp", process::id()));
    let in_use = names.each_ref().map(|name| fs::File::create(name).expect("there is room"));
    for file in &in_use {
        file.lock().expect("it is free");
    }
    let file =
        metrics().spawn_file_writer("shop.prom", Duration::from_hours(1)).expect("it starts");
    file.stop().await.expect("it is written");
    for name in names {
        fs::remove_file(name).expect("it was left alone");
    }
}
