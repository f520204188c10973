//! Replaces a file as a whole: a reader sees the old file or the new one, never a part of either.
//!
//! The crate `tempfile` is not used: it would add six crates to an axum application, where
//! `tests/tests/budgets.rs` leaves room for none, and it does not remove the files that killed
//! processes left behind.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, FileType, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use super::WriteError;

/// Separates the name of the target from the rest of a temporary file's name.
const MARK: &str = ".streamgauge-";
/// The end of a temporary file's name. node-exporter reads names that end in `.prom` only.
const END: &str = ".tmp";
/// The longest part of a temporary file's name that comes from the target's name, in bytes. The
/// rest has up to 46 bytes, and file systems allow 255 bytes, or 143 if they encrypt names.
const MAX_STEM: usize = 90;
/// How many names are tried before a write fails. A name may be taken: containers that share a
/// directory have processes with the same id.
const ATTEMPTS: usize = 100;

/// The age from which a temporary file counts as abandoned.
///
/// Each write to a temporary file updates its modification time, so the file of a live process
/// reaches this age only if a write hangs. The limit is generous because the file system's clock
/// may differ from ours. If a file is removed too early, its writer loses one write: the rename
/// fails, and the target stays as it was.
pub(super) const ABANDONED_AFTER: Duration = Duration::from_secs(300);

/// Replaces the file at `path` by a file with this text.
pub(crate) fn replace(path: &Path, text: &[u8]) -> Result<(), WriteError> {
    let name = file_name(path)?;
    let failed = |source| WriteError::Io { path: path.to_owned(), source };
    if let Some(kind) = irreplaceable(path).map_err(failed)? {
        return Err(WriteError::NotAFile { path: path.to_owned(), kind });
    }
    let temporary = Temporary::create_beside(path, name).map_err(failed)?;
    temporary.write(text).and_then(|()| temporary.rename_to(path)).map_err(failed)
}

/// The last part of a path.
pub(super) fn file_name(path: &Path) -> Result<&OsStr, WriteError> {
    path.file_name().ok_or_else(|| WriteError::NoFileName { path: path.to_owned() })
}

/// Removes the temporary files of `path` that are [abandoned](ABANDONED_AFTER). Errors are ignored:
/// leftovers do no harm, and the next call tries again.
pub(super) fn remove_leftovers(path: &Path) {
    let (Some(name), Some(directory)) = (path.file_name(), path.parent()) else { return };
    let here = directory.as_os_str().is_empty();
    let Ok(entries) = fs::read_dir(if here { Path::new(".") } else { directory }) else { return };
    let now = SystemTime::now();
    for entry in entries.flatten() {
        // The metadata of the entry itself: a symbolic link is not followed.
        let is_abandoned = is_temporary_of(name, &entry.file_name())
            && entry.metadata().is_ok_and(|metadata| is_abandoned(&metadata, now));
        if is_abandoned {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn is_abandoned(metadata: &Metadata, now: SystemTime) -> bool {
    let age = metadata.modified().ok().and_then(|modified| now.duration_since(modified).ok());
    metadata.is_file() && age.is_some_and(|age| age >= ABANDONED_AFTER)
}

/// What is at the target's path if it is not a regular file. A symbolic link is not followed: if it
/// were, a user who can write to the directory could choose which file is replaced.
fn irreplaceable(path: &Path) -> io::Result<Option<&'static str>> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(None),
        Ok(metadata) => Ok(Some(kind_of(metadata.file_type()))),
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

/// A file in the directory of the target that will be renamed to it. Dropping it before that
/// removes the file.
struct Temporary {
    path: PathBuf,
    file: File,
    renamed: bool,
}

impl Temporary {
    fn create_beside(target: &Path, name: &OsStr) -> io::Result<Self> {
        for _ in 0..ATTEMPTS {
            let path = target.with_file_name(temporary_name(name, SystemTime::now()));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok(Self { path, file, renamed: false }),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::new(ErrorKind::AlreadyExists, "all names for a temporary file are taken"))
    }

    fn write(&self, text: &[u8]) -> io::Result<()> {
        (&self.file).write_all(text)?;
        // node-exporter runs as another user, so the file must be readable whatever the umask is.
        #[cfg(unix)]
        self.file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
        // Without this the new name could reach the disk before the text does.
        self.file.sync_all()
    }

    fn rename_to(mut self, target: &Path) -> io::Result<()> {
        fs::rename(&self.path, target)?;
        self.renamed = true;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // After the rename another process may use the name.
        if !self.renamed {
            // The caller already has the error of the write.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A name for a temporary file, from the process id and a number. The time makes the number differ
/// from those of an earlier process with the same id, and the count from those of this process,
/// also if the clock stands still.
fn temporary_name(name: &OsStr, now: SystemTime) -> OsString {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let since_epoch = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let number = since_epoch.as_nanos() + u128::from(COUNT.fetch_add(1, Relaxed));
    let mut temporary = OsString::from(".");
    temporary.push(stem(name));
    temporary.push(format!("{MARK}{}-{number}{END}", process::id()));
    temporary
}

/// Returns the part of a temporary file's name that names the target: the target's name, or if that
/// is too long, its beginning and a hash.
fn stem(name: &OsStr) -> Cow<'_, OsStr> {
    const HASH_DIGITS: usize = 16;
    if name.len() <= MAX_STEM {
        return Cow::Borrowed(name);
    }
    let text = name.to_string_lossy();
    let ends = text.char_indices().map(|(at, char)| at + char.len_utf8());
    let end = ends.take_while(|end| *end < MAX_STEM - HASH_DIGITS).last().unwrap_or_default();
    Cow::Owned(format!("{}-{:016x}", &text[..end], hash(name.as_encoded_bytes())).into())
}

/// Hashes with FNV-1a, which gives the same value in every process, so that a process can remove
/// the temporary files of another one.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Returns whether `temporary` is a name that [`temporary_name`] returns for `name` in any process.
fn is_temporary_of(name: &OsStr, temporary: &OsStr) -> bool {
    let numbers = temporary
        .as_encoded_bytes()
        .strip_prefix(b".")
        .and_then(|rest| rest.strip_prefix(stem(name).as_encoded_bytes()))
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
    use std::time::SystemTime;

    use super::{hash, is_temporary_of, temporary_name};

    #[test]
    fn temporary_names_are_recognised_and_differ_and_do_not_end_in_prom() {
        let now = SystemTime::now();
        for name in ["shop.prom", "-1.prom", ".", "a b\n"].map(OsStr::new) {
            let temporary = temporary_name(name, now);
            assert!(is_temporary_of(name, &temporary), "{temporary:?}");
            assert_ne!(temporary_name(name, now), temporary, "the clock stands still");
            assert!(!temporary.as_encoded_bytes().ends_with(b".prom"));
        }
    }

    #[test]
    fn temporary_names_of_long_names_are_short_and_belong_to_one_target() {
        let now = SystemTime::now();
        for filler in ["a", "ä", "\u{10348}"] {
            let [one, other] = ["x.prom", "y.prom"]
                .map(|end| format!("{}{end}", filler.repeat(240 / filler.len())));
            let temporary = temporary_name(OsStr::new(&one), now);
            assert!(temporary.len() <= 143, "{temporary:?}");
            assert!(is_temporary_of(OsStr::new(&one), &temporary), "{temporary:?}");
            assert!(!is_temporary_of(OsStr::new(&other), &temporary), "{temporary:?}");
        }
        assert_eq!(hash(b"foobar"), 0x8594_4171_f739_67e8, "a published value of FNV-1a");
    }

    #[test]
    fn temporary_names_of_other_files_and_programs_are_not_recognised() {
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
