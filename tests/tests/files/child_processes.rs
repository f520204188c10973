//! Tests that run this test binary as a child process: with a file size limit (which acts like a
//! full disk), without root's right to write everywhere, and in another current directory.

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

use crate::probe::{Writes, age, metrics, names, read};
use crate::write_errors::assert_write_fails;

/// The directory that the child process with a file size limit writes to.
const LIMITED: &str = "STREAMGAUGE_TEST_FILE_SIZE_LIMIT";

#[test]
fn old_file_stays_while_the_disk_is_full() {
    let directory = tempdir().expect("a temporary directory can be created");
    let this = env::current_exe().expect("the executable has a path");
    // A write beyond the limit raises SIGXFSZ, and is an error only if the signal is ignored. The
    // unit of the limit is 512 or 1024 bytes, depending on the shell.
    let limited = "trap '' XFSZ; ulimit -f 64; exec \"$0\" --exact \
                   child_processes::child_writes_with_a_file_size_limit --include-ignored";
    let output = Command::new("sh")
        .args(["-c", limited])
        .arg(this)
        .env(LIMITED, directory.path())
        .output()
        .expect("a shell is installed");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && stdout.contains("1 passed"), "{stdout}");
}

#[tokio::test]
#[ignore = "runs in a child process with a file size limit"]
async fn child_writes_with_a_file_size_limit() {
    let Some(directory) = env::var_os(LIMITED).map(PathBuf::from) else { return };
    let path = directory.join("shop.prom");
    let metrics = metrics();
    metrics.write_to_file(&path).await.expect("a small page fits");
    let old = fs::read(&path).expect("the file exists");

    let large = IntGauge::new("large", "x".repeat(200_000)).expect("the name is valid");
    metrics.registry().register(Box::new(large.clone())).expect("the name is unused");
    let error = metrics.write_to_file(&path).await.expect_err("a large page does not fit");
    assert!(matches!(error, WriteError::Io { .. }), "{error}");
    let writes = Writes::of(&metrics);
    let file =
        metrics.spawn_file_writer(&path, Duration::from_millis(1)).expect("the writer starts");
    writes.wait_for_write();
    assert!(file.last_error().is_some());
    assert_eq!(fs::read(&path).expect("the file exists"), old);

    metrics.registry().unregister(Box::new(large)).expect("the collector is registered");
    writes.wait_for_write();
    assert!(file.last_error().is_none());
    file.stop().await.expect("the write succeeds again");
    assert_ne!(fs::read(&path).expect("the file exists"), old);
    read(&path);
    assert_eq!(names(&directory), ["shop.prom"]);
}

/// The directory that the child process without root's rights writes to.
const READ_ONLY: &str = "STREAMGAUGE_TEST_READ_ONLY";

/// Returns a command that runs this test binary with directory modes enforced, or `None` if this
/// user cannot give up the right to ignore them.
fn command_bound_by_modes() -> Option<Command> {
    let this = env::current_exe().expect("the executable has a path");
    let directory = tempdir().expect("a temporary directory can be created");
    fs::set_permissions(&directory, Permissions::from_mode(0o555))
        .expect("the directory belongs to this user");
    if fs::write(directory.path().join("mine"), "").is_err() {
        return Some(Command::new(this));
    }
    // Root ignores directory modes unless it gives up the capability.
    let setpriv = || {
        let mut command = Command::new("setpriv");
        command.args(["--bounding-set=-dac_override", "--inh-caps=-dac_override"]);
        command
    };
    let can_drop_capability = setpriv().arg("true").status().is_ok_and(|status| status.success());
    can_drop_capability.then(|| {
        let mut command = setpriv();
        command.arg(this);
        command
    })
}

#[test]
fn old_file_stays_while_the_directory_is_read_only() {
    let Some(mut command) = command_bound_by_modes() else {
        let notice = b"NOT TESTED: a read-only directory: this user may write anywhere\n";
        // Unlike `eprintln!`, this is not captured, so it shows up although the test passes.
        return io::stderr().write_all(notice).expect("stderr is open");
    };
    let directory = tempdir().expect("a temporary directory can be created");
    let output = command
        .args([
            "--exact",
            "child_processes::child_writes_to_a_read_only_directory",
            "--include-ignored",
        ])
        .env(READ_ONLY, directory.path())
        .output()
        .expect("the test binary runs");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && stdout.contains("1 passed"), "{stdout}");
}

#[tokio::test]
#[ignore = "runs in a child process without root's right to write everywhere"]
async fn child_writes_to_a_read_only_directory() {
    let Some(directory) = env::var_os(READ_ONLY).map(PathBuf::from) else { return };
    let path = directory.join("shop.prom");
    let metrics = metrics();
    metrics.write_to_file(&path).await.expect("the file is written");
    let old = fs::read(&path).expect("the file exists");
    let allow = |mode| fs::set_permissions(&directory, Permissions::from_mode(mode));
    allow(0o555).expect("the directory belongs to this user");
    assert_write_fails(&path, "ermission denied").await;
    assert_eq!(fs::read(&path).expect("the file exists"), old);

    let writes = Writes::of(&metrics);
    let file =
        metrics.spawn_file_writer(&path, Duration::from_millis(1)).expect("the writer starts");
    writes.wait_for_write();
    assert!(file.failures() >= 1);
    allow(0o755).expect("the directory belongs to this user");
    writes.wait_for_write();
    assert!(file.last_error().is_none());
    file.stop().await.expect("the write succeeds again");
    assert_ne!(fs::read(&path).expect("the file exists"), old);
    read(&path);
    assert_eq!(names(&directory), ["shop.prom"]);
}

/// Set for the child process that writes to its current directory.
const CURRENT_DIRECTORY: &str = "STREAMGAUGE_TEST_CURRENT_DIRECTORY";

#[test]
fn file_name_without_directory_is_written_to_the_current_directory() {
    let directory = tempdir().expect("a temporary directory can be created");
    let leftover = directory.path().join(".shop.prom.streamgauge-1-0.tmp");
    fs::write(&leftover, "left").expect("the file can be created");
    age(&leftover);
    let this = env::current_exe().expect("the executable has a path");
    let output = Command::new(this)
        .args([
            "--exact",
            "child_processes::child_writes_to_the_current_directory",
            "--include-ignored",
        ])
        .env(CURRENT_DIRECTORY, "")
        .current_dir(&directory)
        .output()
        .expect("the test binary runs");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && stdout.contains("1 passed"), "{stdout}");
    assert_eq!(names(directory.path()), ["shop.prom"]);
}

#[tokio::test]
#[ignore = "runs in a child process with another current directory"]
async fn child_writes_to_the_current_directory() {
    if env::var_os(CURRENT_DIRECTORY).is_none() {
        return;
    }
    // As if a process with the same ID in another container were writing.
    let in_use = format!(".shop.prom.streamgauge-{}-0.tmp", process::id());
    fs::write(&in_use, "half a li").expect("the file can be created");
    let interval = Duration::from_secs(3600);
    let file = metrics().spawn_file_writer("shop.prom", interval).expect("the writer starts");
    file.stop().await.expect("the file is written");
    fs::remove_file(in_use).expect("the file was not removed");
}
