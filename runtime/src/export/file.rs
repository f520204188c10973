//! The file that node-exporter's textfile collector reads.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::EncodeError;
use crate::metrics::Metrics;

/// Writes the metrics of [`Metrics::global`] to a file: see [`Metrics::write_to_file`].
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

/// Why the metrics were not written. The file is as it was before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// A collector registered beside ours does not encode.
    #[error("the metrics cannot be encoded: {0}")]
    Encode(#[from] EncodeError),
    /// The path names no file.
    #[error("{} names no file to write: give a path that ends in a file name", path.display())]
    NoFileName {
        /// The path as it was given.
        path: PathBuf,
    },
    /// The file system refused.
    #[error("cannot write {}: {source}; its directory must exist and be writable", path.display())]
    Io {
        /// The path as it was given.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The runtime is shutting down.
    #[error("the runtime stopped before {} was written", path.display())]
    Stopped {
        /// The path as it was given.
        path: PathBuf,
    },
}

impl Metrics {
    /// Writes all metrics to a file in the text format, for node-exporter's textfile collector.
    ///
    /// A reader sees the old file or the new one, never a part: the text goes to a temporary file in
    /// the same directory, to disk, and then takes the place of the old one. The work is done on
    /// tokio's threads for blocking calls, so this needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// [`WriteError`] says what went wrong; the old file is untouched then, and nothing is left over.
    pub async fn write_to_file(&self, path: impl AsRef<Path>) -> Result<(), WriteError> {
        let path = path.as_ref().to_owned();
        let text = self.encode_text()?;
        let target = path.clone();
        match tokio::task::spawn_blocking(move || replace(&target, text.as_bytes())).await {
            Ok(result) => result,
            Err(_) => Err(WriteError::Stopped { path }),
        }
    }
}

/// Puts a whole file in the place of another.
fn replace(path: &Path, text: &[u8]) -> Result<(), WriteError> {
    let temporary = temporary_beside(path)?;
    write_whole(&temporary, text).and_then(|()| fs::rename(&temporary, path)).map_err(|source| {
        // The error that matters is the first.
        let _ = fs::remove_file(&temporary);
        WriteError::Io { path: path.to_owned(), source }
    })
}

fn write_whole(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text)?;
    // node-exporter runs as another user; the process' umask is not its concern.
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
    file.sync_all()
}

/// A name in the same directory that node-exporter, which reads `*.prom`, does not take up.
fn temporary_beside(path: &Path) -> Result<PathBuf, WriteError> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let Some(name) = path.file_name() else {
        return Err(WriteError::NoFileName { path: path.to_owned() });
    };
    let mut temporary = OsString::from(".");
    temporary.push(name);
    temporary.push(format!(".{}.{}.tmp", std::process::id(), COUNT.fetch_add(1, Relaxed)));
    Ok(path.with_file_name(temporary))
}
