//! Why a file is not written.

use std::io;
use std::path::PathBuf;

use crate::export::EncodeError;

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
    /// There is something at the path that a file would not replace.
    #[error("{} is {kind}, which a file does not replace: give the path of a regular file", path.display())]
    NotAFile {
        /// The path as it was given.
        path: PathBuf,
        /// What is there, with its article: `a directory`.
        kind: &'static str,
    },
    /// The file system refused.
    #[error(
        "cannot write {}: {source}; its directory must exist, be writable and have room",
        path.display()
    )]
    Io {
        /// The path as it was given.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The interval of a writer is no time at all.
    #[error(
        "cannot write {} every 0 s: give an interval above zero, for example `Duration::from_secs(15)`",
        path.display()
    )]
    ZeroInterval {
        /// The path as it was given.
        path: PathBuf,
    },
    /// The operating system gave no thread to a writer.
    #[error("cannot start a thread that writes {}: {source}", path.display())]
    NotStarted {
        /// The path as it was given.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// There is no tokio runtime.
    #[error(
        "{} is written on tokio's threads and no runtime is running: call this within one, or use \
         `spawn_file_writer`, which needs none",
        path.display()
    )]
    NoRuntime {
        /// The path as it was given.
        path: PathBuf,
    },
    /// The runtime, or the writer's thread, has ended.
    #[error("what was to write {} stopped before that", path.display())]
    Stopped {
        /// The path as it was given.
        path: PathBuf,
    },
}
