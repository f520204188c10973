//! Files for node-exporter's textfile collector.

mod error;
mod replace;
mod writer;

use std::path::Path;

use tokio::runtime::Handle;

pub use self::error::WriteError;
use self::replace::remove_leftovers;
pub(crate) use self::replace::replace;
pub use self::writer::FileWriter;
use crate::metrics::Metrics;

/// Writes the metrics of [`Metrics::global`] to a file, once: see [`Metrics::write_to_file`].
///
/// # Errors
///
/// Returns the same errors as [`Metrics::write_to_file`].
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> Result<(), streamgauge::WriteError> {
/// streamgauge::generate_prometheus_data("/var/lib/node_exporter/shop.prom").await?;
/// # Ok(())
/// # }
/// ```
pub async fn generate_prometheus_data(path: impl AsRef<Path>) -> Result<(), WriteError> {
    Metrics::global().write_to_file(path).await
}

impl Metrics {
    /// Writes all metrics in the registry to a file in the text format, once, for node-exporter's
    /// textfile collector.
    ///
    /// Use [`spawn_file_writer`](Self::spawn_file_writer) for a file that is written at an
    /// interval.
    ///
    /// Readers see the old file or the new one, never a part of either, even after a crash of the
    /// machine: the text is written to a temporary file in the same directory and synced to disk,
    /// then the temporary file is renamed. The new file is readable by all users (mode 0644). The
    /// directory is not synced, so after a crash it may contain the old file. node-exporter reads
    /// files whose names end in `.prom`; the name of the temporary file does not. Other file names
    /// work too.
    ///
    /// Temporary files of the same path that a killed process left behind are removed once their
    /// last modification is five minutes ago. A younger file may belong to another process that is
    /// writing.
    ///
    /// The metrics are encoded and written on tokio's threads for blocking tasks.
    ///
    /// # Errors
    ///
    /// Returns an error if the metrics cannot be encoded or the file cannot be written. The old
    /// file is unchanged then, and no temporary file is left behind. Only a regular file is
    /// replaced: directories, FIFOs, sockets, devices and symbolic links are errors. Calling this
    /// outside a tokio runtime is an error too.
    ///
    /// # Cancel safety
    ///
    /// If the returned future is dropped after its first poll, the file is still written.
    ///
    /// # Examples
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
