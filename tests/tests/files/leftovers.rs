//! Leftovers: temporary files of processes that were killed during a write.

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use prometheus::IntGauge;
use tempfile::tempdir;

use crate::probe::{age, metrics, names, read};

/// The file that the child process writes.
const FILE: &str = "STREAMGAUGE_TEST_KILLED";
const LONG_INTERVAL: Duration = Duration::from_secs(3600);

/// A child process that writes a large file repeatedly.
struct WritingProcess(Child);

impl WritingProcess {
    fn start(path: &Path) -> Self {
        let this = env::current_exe().expect("the executable has a path");
        let child = Command::new(this)
            .args(["--exact", "leftovers::child_writes_until_it_is_killed", "--include-ignored"])
            .env(FILE, path)
            .stdout(Stdio::null())
            .spawn();
        Self(child.expect("the test binary runs"))
    }
}

impl Drop for WritingProcess {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[ignore = "runs in a child process that is killed"]
fn child_writes_until_it_is_killed() {
    let Some(path) = env::var_os(FILE).map(PathBuf::from) else { return };
    let metrics = metrics();
    let large = IntGauge::new("large", "x".repeat(20_000_000)).expect("the name is valid");
    metrics.registry().register(Box::new(large)).expect("the name is unused");
    let _file =
        metrics.spawn_file_writer(path, Duration::from_millis(1)).expect("the writer starts");
    loop {
        thread::park();
    }
}

#[tokio::test]
async fn leftovers_of_the_longest_file_name_are_removed() {
    let directory = tempdir().expect("a temporary directory can be created");
    for length in [209, 210, 250, 255] {
        let name = format!("{}.prom", "a".repeat(length - ".prom".len()));
        let path = directory.path().join(&name);
        let leftover = leftover_of_a_killed_process(&path);
        age(&directory.path().join(leftover));
        let metrics = metrics();
        metrics.write_to_file(&path).await.expect("the name is not too long");
        assert_eq!(names(directory.path()), [name]);
        fs::remove_file(path).expect("the file exists");
    }
}

/// Kills a process during a write and returns the name of the temporary file that remains.
fn leftover_of_a_killed_process(path: &Path) -> String {
    let directory = path.parent().expect("the path has one");
    let deadline = Instant::now() + Duration::from_secs(60);
    let temporary =
        || names(directory).into_iter().find(|name| Path::new(name) != path.file_name().unwrap());
    loop {
        let writing = WritingProcess::start(path);
        while temporary().is_none() {
            assert!(Instant::now() < deadline, "no temporary file appeared");
            thread::yield_now();
        }
        drop(writing);
        // The process may have finished the write before it was killed.
        if let Some(left) = temporary() {
            return left;
        }
    }
}

#[tokio::test]
async fn leftovers_of_a_killed_process_are_removed_after_five_minutes() {
    let directory = tempdir().expect("a temporary directory can be created");
    let path = directory.path().join("shop.prom");
    let leftover = leftover_of_a_killed_process(&path);
    assert!(leftover.starts_with(".shop.prom."), "{leftover}");
    assert_ne!(Path::new(&leftover).extension().expect("the path has one"), "prom");
    let write = async || {
        let file = metrics().spawn_file_writer(&path, LONG_INTERVAL).expect("the writer starts");
        file.stop().await.expect("the file is written");
        read(&path);
    };
    // A recent temporary file may belong to a process that is still writing.
    write().await;
    assert_eq!(names(directory.path()), [&leftover, "shop.prom"]);
    age(&directory.path().join(&leftover));
    write().await;
    assert_eq!(names(directory.path()), ["shop.prom"]);

    age(&directory.path().join(leftover_of_a_killed_process(&path)));
    metrics().write_to_file(&path).await.expect("the file is written");
    assert_eq!(names(directory.path()), ["shop.prom"]);
}

#[tokio::test]
async fn leftovers_of_a_process_with_the_same_id_do_not_prevent_a_write() {
    let directory = tempdir().expect("a temporary directory can be created");
    let path = directory.path().join("shop.prom");
    // Processes in containers often have the same small IDs.
    for count in 0..3000 {
        let name = format!(".shop.prom.streamgauge-{}-{count}.tmp", std::process::id());
        let leftover = directory.path().join(name);
        fs::write(&leftover, "half a li").expect("the file can be created");
        if count % 2 == 0 {
            age(&leftover);
        }
    }
    metrics().write_to_file(&path).await.expect("the file is written");
    assert_eq!(names(directory.path()).len(), 1501, "1500 recent leftovers and the file");
    read(&path);
}

#[tokio::test]
async fn leftovers_are_removed_only_if_regular_files_with_our_name_pattern() {
    let directory = tempdir().expect("a temporary directory can be created");
    let at = |name: &str| directory.path().join(name);
    for name in [
        ".shop.prom.streamgauge-1-x.tmp",
        ".other.prom.streamgauge-1-0.tmp",
        ".shop.prom.swp",
        "shop.prom.tmp",
        ".shop.prom.streamgauge-1-4.tmp",
    ] {
        fs::write(at(name), "mine").expect("the file can be created");
        age(&at(name));
    }
    let subdirectory = at(".shop.prom.streamgauge-1-1.tmp");
    fs::create_dir(&subdirectory).expect("the file can be created");
    symlink(at("shop.prom.tmp"), at(".shop.prom.streamgauge-1-2.tmp"))
        .expect("the file can be created");
    let fifo = at(".shop.prom.streamgauge-1-3.tmp");
    assert!(Command::new("mkfifo").arg(&fifo).status().expect("mkfifo is installed").success());
    // Opening the FIFO to change its time would wait for a reader.
    let mut touch = Command::new("touch");
    touch.args(["-h", "-d", "1 hour ago"]);
    let touch = touch.args([subdirectory, fifo, at(".shop.prom.streamgauge-1-2.tmp")]).status();
    assert!(touch.expect("touch is installed").success());
    let mut expected = names(directory.path());

    metrics().write_to_file(at("shop.prom")).await.expect("the file is written");
    expected.retain(|name| name != ".shop.prom.streamgauge-1-4.tmp");
    expected.push("shop.prom".to_owned());
    expected.sort();
    assert_eq!(names(directory.path()), expected);
}
