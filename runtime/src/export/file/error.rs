//! The error of writing a file.

use std::io;
use std::path::PathBuf;

use crate::export::EncodeError;

/// Error returned when the metrics cannot be written to a file. The file is unchanged.
///
/// The cause of an error is its [`source`](std::error::Error::source), and not part of the message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// Another collector in the registry failed.
    #[error("cannot encode the metrics")]
    Encode(#[from] EncodeError),
    /// The path has no file name.
    #[error("{} has no file name: use a path that ends in a file name", path.display())]
    NoFileName {
        /// The path that was given.
        path: PathBuf,
    },
    /// The path is something other than a regular file, so it is not replaced.
    #[error(
        "{} cannot be replaced, because it is {kind}: use the path of a regular file",
        path.display()
    )]
    NotAFile {
        /// The path that was given.
        path: PathBuf,
        /// The kind of file at the path, with its article: `a directory`.
        kind: &'static str,
    },
    /// The operating system could not write the file.
    #[error(
        "cannot write {}: its directory must exist, be writable and have space left",
        path.display()
    )]
    Io {
        /// The path that was given.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The interval of a file writer is zero.
    #[error(
        "cannot write {} every 0 s: use an interval above zero, for example \
         `Duration::from_secs(15)`",
        path.display()
    )]
    ZeroInterval {
        /// The path that was given.
        path: PathBuf,
    },
    /// The operating system could not start the thread of a file writer.
    #[error("cannot start the thread that writes {}", path.display())]
    NotStarted {
        /// The path that was given.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// No tokio runtime is running.
    #[error(
        "cannot write {} outside a tokio runtime: call this within a runtime, or use \
         `spawn_file_writer`, which needs no runtime",
        path.display()
    )]
    NoRuntime {
        /// The path that was given.
        path: PathBuf,
    },
    /// The runtime, or the thread of the file writer, ended before the file was written.
    #[error("{} was not written, because its thread ended", path.display())]
    Stopped {
        /// The path that was given.
        path: PathBuf,
    },
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::WriteError;
    use crate::error_chain::assert_shows_causes_once;
    use crate::export::EncodeError;

    #[test]
    fn error_texts_show_their_cause_once() {
        let path = || "shop.prom".into();
        let source = || io::Error::from(io::ErrorKind::NotFound);
        assert_shows_causes_once(&WriteError::Io { path: path(), source: source() }, 2);
        assert_shows_causes_once(&WriteError::NotStarted { path: path(), source: source() }, 2);
        assert_shows_causes_once(&WriteError::Encode(EncodeError::Nested), 2);
        let message = "on purpose".to_owned();
        assert_shows_causes_once(&EncodeError::CollectorPanicked { message }, 1);
    }
}
