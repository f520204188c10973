//! Leftovers: temporary files of processes that were killed while they wrote.

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

const FILE: &str = "STREAMGAUGE_TEST_KILLED";
const ONCE: Duration = Duration::from_secs(3600);

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
    let deadline = Instant::now() + Duration::from_secs(60);
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
async fn leftovers_of_a_killed_process_are_removed_after_five_minutes() {
    let directory = tempdir().expect("there is room");
    let path = directory.path().join("shop.prom");
    let leftover = killed(&path);
    assert!(leftover.starts_with(".shop.prom."), "{leftover}");
    assert_ne!(Path::new(&leftover).extension().expect("it has one"), "prom");
    let write = async || {
        let file = metrics().spawn_file_writer(&path, ONCE).expect("it starts");
        file.stop().await.expect("it is written");
        read(&path);
    };
    // Until then another process may be writing it.
    write().await;
    assert_eq!(names(directory.path()), [&leftover, "shop.prom"]);
    age(&directory.path().join(&leftover));
    write().await;
    assert_eq!(names(directory.path()), ["shop.prom"]);

    age(&directory.path().join(killed(&path)));
    metrics().write_to_file(&path).await.expect("it is written");
    assert_eq!(names(directory.path()), ["shop.prom"]);
}

#[tokio::test]
async fn leftovers_of_a_process_with_the_same_id_do_not_prevent_a_write() {
    let directory = tempdir().expect("there is room");
    let path = directory.path().join("shop.prom");
    // Containers give the same small ids again and again.
    for count in 0..3000 {
        let name = format!(".shop.prom.streamgauge-{}-{count}.tmp", std::process::id());
        let leftover = directory.path().join(name);
        fs::write(&leftover, "half a li").expect("there is room");
        if count % 2 == 0 {
            age(&leftover);
        }
    }
    metrics().write_to_file(&path).await.expect("it is written");
    assert_eq!(names(directory.path()).len(), 1501, "the young ones and the file");
    read(&path);
}

#[tokio::test]
async fn leftovers_are_regular_files_with_a_name_of_ours_and_nothing_else_is_removed() {
    let directory = tempdir().expect("there is room");
    let at = |name: &str| directory.path().join(name);
    for name in [
        ".shop.prom.streamgauge-1-x.tmp",
        ".other.prom.streamgauge-1-0.tmp",
        ".shop.prom.swp",
        "shop.prom.tmp",
        ".shop.prom.streamgauge-1-4.tmp",
    ] {
        fs::write(at(name), "mine").expect("there is room");
        age(&at(name));
    }
    let subdirectory = at(".shop.prom.streamgauge-1-1.tmp");
    fs::create_dir(&subdirectory).expect("there is room");
    symlink(at("shop.prom.tmp"), at(".shop.prom.streamgauge-1-2.tmp")).expect("there is room");
    let fifo = at(".shop.prom.streamgauge-1-3.tmp");
    assert!(Command::new("mkfifo").arg(&fifo).status().expect("there is mkfifo").success());
    // Opening the FIFO to change its time would wait for a reader.
    let mut touch = Command::new("touch");
    touch.args(["-h", "-d", "1 hour ago"]);
    let touch = touch.args([subdirectory, fifo, at(".shop.prom.streamgauge-1-2.tmp")]).status();
    assert!(touch.expect("there is touch").success());
    let mut expected = names(directory.path());

    metrics().write_to_file(at("shop.prom")).await.expect("it is written");
    expected.retain(|name| name != ".shop.prom.streamgauge-1-4.tmp");
    expected.push("shop.prom".to_owned());
    expected.sort();
    assert_eq!(names(directory.path()), expected);
}
