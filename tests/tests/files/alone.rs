//! What needs a process of its own: a limit on the size of files, which is like a disk that is full, no right to
//! write everywhere, and a current directory.

use std::env;
use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{self, Command};
use std::time::Duration;

use prometheus::IntGauge;
use streamgauge::WriteError;
use tempfile::tempdir;

use crate::faults::refused;
use crate::probe::{Writes, age, metrics, names, read};

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

const READ_ONLY: &str = "STREAMGAUGE_TEST_READ_ONLY";

/// This program, as somebody who may write only where the mode of a directory says so; `None` where this user can be
/// nobody else.
fn bound_by_modes() -> Option<Command> {
    let this = env::current_exe().expect("it has a path");
    let directory = tempdir().expect("there is room");
    fs::set_permissions(&directory, Permissions::from_mode(0o555)).expect("it is ours");
    if fs::write(directory.path().join("mine"), "").is_err() {
        return Some(Command::new(this));
    }
    // Root may write in spite of the mode, unless it gives up that right.
    let setpriv = || {
        let mut command = Command::new("setpriv");
        command.args(["--bounding-set=-dac_override", "--inh-caps=-dac_override"]);
        command
    };
    let given_up = setpriv().arg("true").status().is_ok_and(|status| status.success());
    given_up.then(|| {
        let mut command = setpriv();
        command.arg(this);
        command
    })
}

#[test]
fn in_a_directory_that_is_read_only_the_old_file_stays() {
    let Some(mut command) = bound_by_modes() else {
        let missed = b"NOT TESTED: a directory that is read-only: this user may write anywhere\n";
        // Unlike what the macros print it is seen where a test passes.
        return io::stderr().write_all(missed).expect("there is somebody to tell");
    };
    let directory = tempdir().expect("there is room");
    let output = command
        .args(["--exact", "alone::writes_where_it_may_not", "--include-ignored"])
        .env(READ_ONLY, directory.path())
        .output()
        .expect("this program runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[tokio::test]
#[ignore = "runs in a process of its own, without root's rights"]
async fn writes_where_it_may_not() {
    let Some(directory) = env::var_os(READ_ONLY).map(PathBuf::from) else { return };
    let path = directory.join("shop.prom");
    let metrics = metrics();
    metrics.write_to_file(&path).await.expect("it is written");
    let old = fs::read(&path).expect("it is there");
    let allow = |mode| fs::set_permissions(&directory, Permissions::from_mode(mode));
    allow(0o555).expect("it is ours");
    refused(&path, "ermission denied").await;
    assert_eq!(fs::read(&path).expect("it is there"), old);

    let writes = Writes::of(&metrics);
    let file = metrics.spawn_file_writer(&path, Duration::from_millis(1)).expect("it starts");
    writes.pass();
    assert!(file.failures() >= 1);
    allow(0o755).expect("it is ours");
    writes.pass();
    assert!(file.last_error().is_none());
    file.stop().await.expect("it may write again");
    assert_ne!(fs::read(&path).expect("it is there"), old);
    read(&path);
    assert_eq!(names(&directory), ["shop.prom"]);
}

const HERE: &str = "STREAMGAUGE_TEST_HERE";

#[test]
fn a_bare_name_is_a_file_in_the_current_directory() {
    let directory = tempdir().expect("there is room");
    let leftover = directory.path().join(".shop.prom.streamgauge-1-0.tmp");
    fs::write(&leftover, "left").expect("there is room");
    age(&leftover);
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
    // In another container, a process with the same id writes too.
    let in_use = format!(".shop.prom.streamgauge-{}-0.tmp", process::id());
    fs::write(&in_use, "half a li").expect("there is room");
    let once = Duration::from_secs(3600);
    let file = metrics().spawn_file_writer("shop.prom", once).expect("it starts");
    file.stop().await.expect("it is written");
    fs::remove_file(in_use).expect("it was left alone");
}
