//! The file that node-exporter's textfile collector reads.

mod error;
mod replace;
mod writer;

use std::path::Path;

use tokio::runtime::Handle;

pub use self::error::WriteError;
use self::replace::{remove_leftovers, replace};
pub use self::writer::FileWriter;
use crate::metrics::Metrics;

/// Writes the metrics of [`Metrics::global`] to a file, once: see [`Metrics::write_to_file`].
///
/// ```no_run
/// # async fn example() -> Result<(), streamgauge::WriteError> {
/// streamgauge::generate_prometheus_data("/var/lib/node_exporter/shop.prom").await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// As [`Metrics::write_to_file`].
pub async fn generate_prometheus_data(path: impl AsRef<Path>) -> Result<(), WriteError> {
    Metrics::global().write_to_file(path).await
}

impl Metrics {
    /// Writes all metrics to a file in the text format, once, for node-exporter's textfile collector. For
    /// a file that follows the metrics there is [`spawn_file_writer`](Self::spawn_file_writer).
    ///
    /// A reader sees the old file or the new one, never a part, also after a crash of the machine: the
    /// text goes to a temporary file in the same directory, to disk, and then takes the place of the old
    /// one, readable by everybody (mode 0644). The directory itself is not synced: it is not said which of
    /// the two files a crash leaves. node-exporter takes up names that end in `.prom`, which that of the
    /// temporary file does not; any name is written.
    ///
    /// Temporary files that a killed process has left behind are removed: those of this path whose
    /// last modification is at least five minutes old. A file that another process is writing is
    /// normally younger.
    ///
    /// Metrics are read and written on tokio's threads for blocking calls.
    ///
    /// ```
    /// use streamgauge::Metrics;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = std::env::temp_dir().join(format!("streamgauge-{}", std::process::id()));
    /// # std::fs::create_dir_all(&directory)?;
    /// let path = directory.join("job.prom");
    /// let metrics = Metrics::builder().prefix("job").build()?;
    /// metrics.write_to_file(&path).await?;
    /// assert_eq!(std::fs::read_to_string(&path)?, metrics.encode_text()?);
    /// # std::fs::remove_dir_all(&directory)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`WriteError`] says what went wrong; the old file is untouched then, and nothing is left over. What
    /// is no regular file is not replaced: a directory, a FIFO, a socket, a device or a symbolic link.
    pub async fn write_to_file(&self, path: impl AsRef<Path>) -> Result<(), WriteError> {
        let path = path.as_ref().to_owned();
        let Ok(runtime) = Handle::try_current() else {
            return Err(WriteError::NoRuntime { path });
        };
        let (metrics, target) = (self.clone(), path.clone());
        let written = runtime.spawn_blocking(move || {
            remove_leftovers(&target);
            write(&metrics, &target)
        });
        written.await.unwrap_or(Err(WriteError::Stopped { path }))
    }
}

fn write(metrics: &Metrics, path: &Path) -> Result<(), WriteError> {
    replace(path, metrics.encode_text()?.as_bytes())
}
