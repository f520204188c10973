//! A file that follows the metrics.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::replace::{ABANDONED_AFTER, file_name, remove_leftovers};
use super::{WriteError, write};
use crate::metrics::Metrics;

/// The name of the thread, of which Linux keeps fifteen bytes.
const THREAD: &str = "metrics-file";

/// Writes a file at an interval, as long as it is there: made by [`Metrics::spawn_file_writer`].
///
/// [`stop`](Self::stop) writes a last time. Dropping the handle stops the writing too, after the write at
/// hand and without a last one, and waits for nothing.
#[must_use = "a writer that is dropped stops: keep it, and `stop` it in the end"]
pub struct FileWriter {
    path: PathBuf,
    failures: Arc<ProtocolErrors>,
    stop: Sender<oneshot::Sender<Result<(), WriteError>>>,
}

#[derive(Default)]
struct ProtocolErrors {
    count: AtomicU64,
    /// What the latest write failed with, unless it succeeded.
    latest: Mutex<Option<Arc<WriteError>>>,
}

impl Metrics {
    /// Writes all metrics to a file, at once and then every so often, as
    /// [`write_to_file`](Self::write_to_file) does, for node-exporter's textfile collector. That collector
    /// reads files whose names end in `.prom`, whenever it is scraped: an interval like the one of its
    /// scrapes, often 15 seconds, is enough.
    ///
    /// The work is done on one thread that is started here, so that neither a slow disk nor a large page
    /// holds up a runtime; none is needed. Writes do not overlap: where one takes longer than the interval,
    /// what is due meanwhile is left out. A relative path is looked up anew at each write.
    ///
    /// A write that fails is an event of [`tracing`] (a `WARN`, with the fields `path` and `error`) and
    /// counted in [`failures`](FileWriter::failures); the old file stays, and the next write is tried in
    /// its turn. Prometheus sees an old file by `node_textfile_mtime_seconds`.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use streamgauge::Metrics;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = std::env::temp_dir().join(format!("streamgauge-writer-{}", std::process::id()));
    /// # std::fs::create_dir_all(&directory)?;
    /// let path = directory.join("worker.prom");
    /// let metrics = Metrics::builder().prefix("worker").build()?;
    /// let file = metrics.spawn_file_writer(&path, Duration::from_secs(15))?;
    /// // … the worker works …
    /// file.stop().await?; // what was recorded last is in the file too
    /// # assert!(path.exists());
    /// # std::fs::remove_dir_all(&directory)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Where the path names no file, the interval is zero, or the operating system gives no thread. What
    /// only writing tells, as that there is no such directory, is no error here.
    pub fn spawn_file_writer(
        &self,
        path: impl AsRef<Path>,
        every: Duration,
    ) -> Result<FileWriter, WriteError> {
        let path = path.as_ref().to_owned();
        file_name(&path)?;
        if every.is_zero() {
            return Err(WriteError::ZeroInterval { path });
        }
        let (stop, stopped) = mpsc::channel();
        let failures = Arc::new(ProtocolErrors::default());
        let work =
            Work { metrics: self.clone(), path: path.clone(), failures: Arc::clone(&failures) };
        match thread::Builder::new()
            .name(THREAD.to_owned())
            .spawn(move || work.run(every, &stopped))
        {
            Ok(_) => Ok(FileWriter { path, failures, stop }),
            Err(source) => Err(WriteError::NotStarted { path, source }),
        }
    }
}

impl FileWriter {
    /// Writes a last time, after the write at hand, and ends. Whoever gives up waiting for it leaves the
    /// last write to go on by itself.
    ///
    /// # Errors
    ///
    /// The last write's, as in [`Metrics::write_to_file`].
    pub async fn stop(self) -> Result<(), WriteError> {
        let (answer, written) = oneshot::channel();
        let _ = self.stop.send(answer);
        written.await.unwrap_or(Err(WriteError::Stopped { path: self.path }))
    }

    /// How many writes have failed.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures.count.load(Relaxed)
    }

    /// What the latest write failed with; `None` if it succeeded, and before the first has ended.
    #[must_use]
    pub fn last_error(&self) -> Option<Arc<WriteError>> {
        self.failures.latest.lock().clone()
    }
}

impl fmt::Debug for FileWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileWriter")
            .field("path", &self.path)
            .field("failures", &self.failures())
            .finish_non_exhaustive()
    }
}

/// What the thread does.
struct Work {
    metrics: Metrics,
    path: PathBuf,
    failures: Arc<ProtocolErrors>,
}

impl Work {
    fn run(&self, every: Duration, stop: &Receiver<oneshot::Sender<Result<(), WriteError>>>) {
        let begun = Instant::now();
        let mut removals = Removals::default();
        loop {
            if removals.take_due(begun.elapsed()) {
                remove_leftovers(&self.path);
            }
            let latest = self.write().err().map(Arc::new);
            *self.failures.latest.lock() = latest;
            match stop.recv_timeout(until_next(begun.elapsed(), every)) {
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
                Ok(answer) => {
                    // Nobody may wait for it any more.
                    let _ = answer.send(self.write());
                    return;
                }
            }
        }
    }

    fn write(&self) -> Result<(), WriteError> {
        write(&self.metrics, &self.path).inspect_err(|error| {
            self.failures.count.fetch_add(1, Relaxed);
            tracing::warn!(
                target: "streamgauge",
                path = %self.path.display(),
                error = %error,
                "the metrics were not written to their file"
            );
        })
    }
}

/// When a writer removes leftovers: at its start and every [`ABANDONED_AFTER`]. The file of a
/// predecessor that was killed just before the start is too young to be removed at the start.
#[derive(Default)]
struct Removals {
    next: Duration,
}

impl Removals {
    /// Returns whether a removal is due, given the time since the writer's start, and if so
    /// schedules the next one.
    fn take_due(&mut self, elapsed: Duration) -> bool {
        let is_due = elapsed >= self.next;
        if is_due {
            self.next = elapsed.saturating_add(ABANDONED_AFTER);
        }
        is_due
    }
}

/// The time to the next multiple of the interval. Those that have passed are left out.
fn until_next(elapsed: Duration, every: Duration) -> Duration {
    let into = elapsed.as_nanos() % every.as_nanos();
    // Some six hundred years fit.
    every.saturating_sub(Duration::from_nanos(u64::try_from(into).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Removals, until_next};

    #[test]
    fn leftovers_are_removed_at_the_start_and_every_five_minutes() {
        let mut removals = Removals::default();
        let due = [0, 15, 299, 301, 315, 600, 602, Duration::MAX.as_secs()]
            .map(|seconds| removals.take_due(Duration::from_secs(seconds)));
        assert_eq!(due, [true, false, false, true, false, false, true, true]);
    }

    #[test]
    fn the_interval_is_kept_and_what_was_missed_is_left_out() {
        let ms = Duration::from_millis;
        for (elapsed, next) in [(0, 10), (3, 7), (10, 10), (14, 6), (57, 3)] {
            assert_eq!(until_next(ms(elapsed), ms(10)), ms(next), "after {elapsed} ms");
        }
        assert_eq!(until_next(ms(3), Duration::MAX), Duration::MAX.abs_diff(ms(3)));
        assert_eq!(until_next(Duration::MAX, Duration::MAX), Duration::MAX);
        assert_eq!(until_next(ms(3), Duration::from_nanos(1)), Duration::from_nanos(1));
    }
}
