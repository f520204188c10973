//! Writes the metrics to a file at an interval.

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
use crate::error_chain::error_chain;
use crate::metrics::Metrics;

/// The name of the writer's thread. Linux shows its first fifteen bytes.
const THREAD_NAME: &str = "metrics-file";

/// A thread that writes the metrics to a file at an interval, started by
/// [`Metrics::spawn_file_writer`].
///
/// [`stop`](Self::stop) writes the file once more and ends the thread. Dropping the handle ends the
/// thread without a last write: a write in progress is completed, and the drop does not wait for
/// it.
#[must_use = "dropping the writer stops it: keep the handle, and call `stop` at the end"]
pub struct FileWriter {
    path: PathBuf,
    failures: Arc<Failures>,
    stop: Sender<oneshot::Sender<Result<(), WriteError>>>,
}

/// The failed writes of a writer.
#[derive(Default)]
struct Failures {
    count: AtomicU64,
    /// The error of the latest write, unless the latest write succeeded.
    latest: Mutex<Option<Arc<WriteError>>>,
}

impl Metrics {
    /// Starts a thread that writes all metrics to a file, at once and then at an interval, for
    /// node-exporter's textfile collector.
    ///
    /// Each write works like [`write_to_file`](Self::write_to_file). node-exporter reads files
    /// whose names end in `.prom` when it is scraped itself, so an interval like that of its
    /// scrapes, often 15 seconds, is enough. A relative path is resolved again at each write.
    ///
    /// No tokio runtime is needed: the thread encodes and writes, so that neither a slow disk nor a
    /// large page blocks a runtime. Writes that become due while one is in progress are skipped.
    ///
    /// After a failed write the old file stays, and the next write is tried at its usual time. Each
    /// failure is a [`tracing`] event (`WARN`, with the fields `path` and `error`) and is counted
    /// in [`failures`](FileWriter::failures). To alert on an old file, use node-exporter's metric
    /// `node_textfile_mtime_seconds`.
    ///
    /// # Errors
    ///
    /// Returns an error if the path has no file name, the interval is zero, or the thread cannot be
    /// started. Errors of a write, such as a missing directory, are not returned here.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use streamgauge::Metrics;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = format!("streamgauge-writer-{}", std::process::id());
    /// # let directory = std::env::temp_dir().join(directory);
    /// # std::fs::create_dir_all(&directory)?;
    /// let path = directory.join("worker.prom");
    /// let metrics = Metrics::builder().prefix("worker").build()?;
    /// let file = metrics.spawn_file_writer(&path, Duration::from_secs(15))?;
    /// // … the worker works …
    /// file.stop().await?; // the last write includes everything that was recorded
    /// # assert!(path.exists());
    /// # std::fs::remove_dir_all(&directory)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn spawn_file_writer(
        &self,
        path: impl AsRef<Path>,
        interval: Duration,
    ) -> Result<FileWriter, WriteError> {
        let path = path.as_ref().to_owned();
        file_name(&path)?;
        if interval.is_zero() {
            return Err(WriteError::ZeroInterval { path });
        }
        let (stop, stopped) = mpsc::channel();
        let failures = Arc::new(Failures::default());
        let worker =
            Worker { metrics: self.clone(), path: path.clone(), failures: Arc::clone(&failures) };
        match thread::Builder::new()
            .name(THREAD_NAME.to_owned())
            .spawn(move || worker.run(interval, &stopped))
        {
            Ok(_) => Ok(FileWriter { path, failures, stop }),
            Err(source) => Err(WriteError::NotStarted { path, source }),
        }
    }
}

impl FileWriter {
    /// Writes the file once more and ends the thread. A write in progress is completed first.
    ///
    /// # Errors
    ///
    /// Returns the error of the last write, as [`Metrics::write_to_file`] does.
    ///
    /// # Cancel safety
    ///
    /// If the returned future is dropped after its first poll, the last write still takes place.
    pub async fn stop(self) -> Result<(), WriteError> {
        let (answer, written) = oneshot::channel();
        let _ = self.stop.send(answer);
        written.await.unwrap_or(Err(WriteError::Stopped { path: self.path }))
    }

    /// Returns how many writes have failed.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures.count.load(Relaxed)
    }

    /// Returns the error of the latest write, if that write failed.
    ///
    /// Returns `None` if the latest write succeeded, and until the first write has ended.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// use streamgauge::Metrics;
    ///
    /// let metrics = Metrics::builder().build()?;
    /// let file = metrics
    ///     .spawn_file_writer("/var/lib/node_exporter/worker.prom", Duration::from_secs(15))?;
    /// // … later, in a health check …
    /// if let Some(error) = file.last_error() {
    ///     eprintln!("the metrics file is out of date: {error}");
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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

/// The state of the thread.
struct Worker {
    metrics: Metrics,
    path: PathBuf,
    failures: Arc<Failures>,
}

impl Worker {
    fn run(&self, interval: Duration, stop: &Receiver<oneshot::Sender<Result<(), WriteError>>>) {
        let started = Instant::now();
        let mut removals = Removals::default();
        loop {
            if removals.take_due(started.elapsed()) {
                remove_leftovers(&self.path);
            }
            let latest = self.write().err().map(Arc::new);
            *self.failures.latest.lock() = latest;
            match stop.recv_timeout(until_next(started.elapsed(), interval)) {
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
                Ok(answer) => {
                    // The caller of `stop` may no longer wait.
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
                error = %error_chain(error),
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

/// Returns the time until the next multiple of the interval. Multiples that have passed are
/// skipped.
fn until_next(elapsed: Duration, interval: Duration) -> Duration {
    let since_last = elapsed.as_nanos() % interval.as_nanos();
    // A `u64` holds nanoseconds for more than five hundred years.
    interval.saturating_sub(Duration::from_nanos(u64::try_from(since_last).unwrap_or(u64::MAX)))
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
    fn file_writer_interval_skips_missed_writes() {
        let ms = Duration::from_millis;
        for (elapsed, next) in [(0, 10), (3, 7), (10, 10), (14, 6), (57, 3)] {
            assert_eq!(until_next(ms(elapsed), ms(10)), ms(next), "after {elapsed} ms");
        }
        assert_eq!(until_next(ms(3), Duration::MAX), Duration::MAX.abs_diff(ms(3)));
        assert_eq!(until_next(Duration::MAX, Duration::MAX), Duration::MAX);
        assert_eq!(until_next(ms(3), Duration::from_nanos(1)), Duration::from_nanos(1));
    }
}
