//! Puts a whole file in the place of another.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, FileType, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::WriteError;

/// Stands in the name of a temporary file behind that of the file it is to become.
const MARK: &str = ".streamgauge-";
/// Ends it: node-exporter reads `*.prom`.
const END: &str = ".tmp";
/// Names to try. Those in use are of processes with the same id, in containers that share a directory.
const TRIES: usize = 100;

/// Replaces the file at a path.
pub(super) fn replace(path: &Path, text: &[u8]) -> Result<(), WriteError> {
    let name = file_name(path)?;
    let failed = |source| WriteError::Io { path: path.to_owned(), source };
    if let Some(kind) = in_the_way(path).map_err(failed)? {
        return Err(WriteError::NotAFile { path: path.to_owned(), kind });
    }
    let temporary = Temporary::beside(path, name).map_err(failed)?;
    temporary.write(text).and_then(|()| temporary.take_the_place_of(path)).map_err(failed)
}

/// The last part of a path.
pub(super) fn file_name(path: &Path) -> Result<&OsStr, WriteError> {
    path.file_name().ok_or_else(|| WriteError::NoFileName { path: path.to_owned() })
}

/// Removes the temporary files of a path that nobody writes any more, as far as that is possible.
pub(super) fn remove_leftovers(path: &Path) {
    let (Some(name), Some(directory)) = (path.file_name(), path.parent()) else { return };
    let here = directory.as_os_str().is_empty();
    let Ok(entries) = fs::read_dir(if here { Path::new(".") } else { directory }) else { return };
    for entry in entries.flatten() {
        // A FIFO would block whoever opens it.
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_file && is_temporary_of(name, &entry.file_name()) {
            remove_unless_in_use(&entry.path());
        }
    }
}

/// What is at a path and is no regular file, nor nothing. A symbolic link is not followed: whoever can put
/// one into a directory that others write to would choose the file that is replaced.
fn in_the_way(path: &Path) -> io::Result<Option<&'static str>> {
    match fs::symlink_metadata(path) {
        Ok(there) if there.is_file() => Ok(None),
        Ok(there) => Ok(Some(kind_of(there.file_type()))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn kind_of(file_type: FileType) -> &'static str {
    if file_type.is_dir() {
        "a directory"
    } else if file_type.is_symlink() {
        "a symbolic link"
    } else {
        "a FIFO, a socket or a device"
    }
}

/// A file that will become another. It is locked as long as it is open, and goes with its owner, unless it
/// has become the other.
struct Temporary {
    path: PathBuf,
    file: File,
    placed: bool,
}

impl Temporary {
    fn beside(target: &Path, name: &OsStr) -> io::Result<Self> {
        for _ in 0..TRIES {
            let path = target.with_file_name(temporary_name(name));
            let file = match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(error),
            };
            // Where there are no locks, nobody takes the file for a leftover either.
            let in_removal = matches!(file.try_lock(), Err(TryLockError::WouldBlock));
            // Between the two steps it looked like a leftover.
            if !in_removal && is_at(&file, &path) {
                return Ok(Self { path, file, placed: false });
            }
        }
        Err(io::Error::new(ErrorKind::AlreadyExists, "all names for a temporary file are taken"))
    }

    fn write(&self, text: &[u8]) -> io::Result<()> {
        (&self.file).write_all(text)?;
        // node-exporter runs as another user; the process' umask is not its concern.
        #[cfg(unix)]
        self.file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
        // Else the name could reach the disk before the text does.
        self.file.sync_all()
    }

    fn take_the_place_of(mut self, target: &Path) -> io::Result<()> {
        fs::rename(&self.path, target)?;
        self.placed = true;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Its name is free once it is placed, and may be another process'.
        if !self.placed {
            // The error that matters is the one before.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whoever writes a temporary file has locked it, and the lock ends with the process.
fn remove_unless_in_use(path: &Path) {
    // For writing, because a network file system may lock no other.
    let Ok(file) = OpenOptions::new().write(true).open(path) else { return };
    // It may have become the real file since it was found.
    if file.try_lock().is_ok() && is_at(&file, path) {
        let _ = fs::remove_file(path);
    }
}

/// Whether a file still has this path.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;

    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(file), Ok(there)) => (file.dev(), file.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_at(_file: &File, path: &Path) -> bool {
    path.exists()
}

/// A name that no other write of this process has.
fn temporary_name(name: &OsStr) -> OsString {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut temporary = OsString::from(".");
    temporary.push(name);
    let (process, count) = (std::process::id(), COUNT.fetch_add(1, Relaxed));
    temporary.push(format!("{MARK}{process}-{count}{END}"));
    temporary
}

/// Whether this is such a name, made by any process.
fn is_temporary_of(name: &OsStr, temporary: &OsStr) -> bool {
    let numbers = temporary
        .as_encoded_bytes()
        .strip_prefix(b".")
        .and_then(|rest| rest.strip_prefix(name.as_encoded_bytes()))
        .and_then(|rest| rest.strip_prefix(MARK.as_bytes()))
        .and_then(|rest| rest.strip_suffix(END.as_bytes()));
    let mut parts = numbers.into_iter().flat_map(|numbers| numbers.split(|&byte| byte == b'-'));
    let mut is_number =
        || parts.next().is_some_and(|part| !part.is_empty() && part.iter().all(u8::is_ascii_digit));
    is_number() && is_number() && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::{is_temporary_of, temporary_name};

    #[test]
    fn a_temporary_name_is_known_again_and_is_not_taken_up_by_node_exporter() {
        for name in ["shop.prom", "-1.prom", ".", "a b\n"].map(OsStr::new) {
            let temporary = temporary_name(name);
            assert!(is_temporary_of(name, &temporary), "{}", temporary.display());
            assert_ne!(temporary_name(name), temporary);
            assert!(!temporary.as_encoded_bytes().ends_with(b".prom"));
        }
    }

    #[test]
    fn other_names_are_nobodys_leftovers() {
        let name = OsStr::new("shop.prom");
        for other in [
            "shop.prom",
            ".shop.prom.tmp",
            ".shop.prom.1.0.tmp",
            ".shop.prom.streamgauge-1-.tmp",
            ".shop.prom.streamgauge-1.tmp",
            ".shop.prom.streamgauge-1-2-3.tmp",
            ".shop.prom.streamgauge-a-2.tmp",
            ".shop.prom.streamgauge-1-2.tmp.prom",
            ".shop.prom.streamgauge-1-2",
            "shop.prom.streamgauge-1-2.tmp",
            ".other.prom.streamgauge-1-2.tmp",
            ".x.shop.prom.streamgauge-1-2.tmp",
        ] {
            assert!(!is_temporary_of(name, OsStr::new(other)), "{other}");
        }
    }
}
