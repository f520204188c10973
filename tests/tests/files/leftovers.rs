//! What a killed process leaves behind is removed, and only that.

use std::env;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use prometheus::IntGauge;
use tempfile::tempdir;

use crate::probe::{metrics, names, read};

const FILE: &str = "STREAMGAUGE_TEST_KILLED";
const ONCE: Duration = Duration::from_hours(1);

/// A process that writes a large file again and again.
struct Writing(Child);

impl Writing {
    fn to(path: &Path) -> Self {
        let this = env::current_exe().expect("it has a path");
        let child = Command::new(this)
            .args(["--exact", "leftovers::writes_until_it_is_killed", "--include-ignored"])
            .env(FILE, path)
            .stdout(Stdio::null())
            .spawn();
        Self(child.expect("this program runs"))
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[ignore = "runs in a process of its own, which is killed"]
fn writes_until_it_is_killed() {
    let Some(path) = env::var_os(FILE).map(PathBuf::from) else { return };
    let metrics = metrics();
    let large = IntGauge::new("large", "x".repeat(20_000_000)).expect("a name");
    metrics.registry().register(Box::new(large)).expect("it is new");
    let _file = metrics.spawn_file_writer(path, Duration::from_millis(1)).expect("it starts");
    loop {
        thread::park();
    }
}

/// Kills a process while it writes; gives the temporary file that it leaves.
fn killed(path: &Path) -> String {
    let directory = path.parent().expect("it has one");
    let deadline = Instant::now() + Duration::from_mins(1);
    let temporary =
        || names(directory).into_iter().find(|name| Path::new(name) != path.file_name().unwrap());
    loop {
        let writing = Writing::to(path);
        while temporary().is_none() {
            assert!(Instant::now() < deadline, "nothing is written");
            thread::yield_now();
        }
        drop(writing);
        // It may have been quicker.
        if let Some(left) = temporary() {
            return left;
        }
    }
}

#[tokio::test]
async fn the_next_process_removes_what_a_killed_one_leaves() {
    let directory = tempdir().expect("there is room");
    let path = directory.path().join("shop.prom");
    let left = killed(&path);
    assert!(left.starts_with(".shop.prom."), "{left}");
    assert_ne!(Path::new(&left).extension().expect("it has one"), "prom");
    let file = metrics().spawn_file_writer(&path, ONCE).expect("it starts");
    file.stop().await.expect("it is written");
    assert_eq!(names(directory.path()), ["shop.prom"]);
    read(&path);

    killed(&path);
    metrics().write_to_file(&path).await.expect("it is written");
    assert_eq!(names(directory.path()), ["shop.prom"]);
}

#[tokio::test]
async fn a_process_with_the_id_of_a_killed_one_writes() {
    let directory = tempdir().expect("there is room");
    let path = directory.path().join("shop.prom");
    // Containers give the same small ids again and again. Other tests count on meanwhile.
    for count in 0..3000 {
        let name = format!(".shop.prom.streamgauge-{}-{count}.tmp", std::process::id());
        fs::write(directory.path().join(name), "half a li").expect("there is room");
    }
    metrics().write_to_file(&path).await.expect("it is written");
    assert_eq!(names(directory.path()), ["shop.prom"]);
}

#[tokio::test]
async fn what_others_write_and_what_is_no_leftover_stays() {
    let directory = tempdir().expect("there is room");
    let at = |name: &str| directory.path().join(name);
    let in_use = at(".shop.prom.streamgauge-1-0.tmp");
    let lock = File::create(&in_use).expect("there is room");
    lock.lock().expect("it is free");
    for name in [
        ".shop.prom.streamgauge-1-x.tmp",
        ".other.prom.streamgauge-1-0.tmp",
        ".shop.prom.swp",
        "shop.prom.tmp",
    ] {
        fs::write(at(name), "mine").expect("there is room");
    }
    fs::create_dir(at(".shop.prom.streamgauge-1-1.tmp")).expect("there is room");
    symlink(at("shop.prom.tmp"), at(".shop.prom.streamgauge-1-2.tmp")).expect("there is room");
    let fifo = Command::new("mkfifo").arg(at(".shop.prom.streamgauge-1-3.tmp")).status();
    assert!(fifo.expect("there is mkfifo").success());
    fs::write(at(".shop.prom.streamgauge-1-4.tmp"), "left").expect("there is room");
    let mut before = names(directory.path());

    let metrics = metrics();
    metrics.write_to_file(at("shop.prom")).await.expect("it is written");
    before.retain(|name| name != ".shop.prom.streamgauge-1-4.tmp");
    before.push("shop.prom".to_owned());
    before.sort();
    assert_eq!(names(directory.path()), before);

    // Its owner is gone.
    drop(lock);
    let file = metrics.spawn_file_writer(at("shop.prom"), ONCE).expect("it starts");
    file.stop().await.expect("it is written");
    assert!(!in_use.exists());
}
