//! Pages that are kept for other readers.
//!
//! Where the environment variable `STREAMGAUGE_PAGES` names a directory, every page that [`strict`](crate::strict)
//! has taken is a file there, once, in the text format with the suffix `.txt` and in `OpenMetrics` with `.om`. The
//! end-to-end tests hand them to the parsers that Prometheus and its Python client have. Without the variable nothing
//! is written.

use std::collections::hash_map::DefaultHasher;
use std::env;
use std::fs;
use std::hash::{Hash, Hasher};
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use crate::strict::Format;

pub(crate) fn keep(page: &str, format: Format) {
    let Some(directory) = env::var_os("STREAMGAUGE_PAGES").map(PathBuf::from) else { return };
    let suffix = match format {
        Format::Text => "txt",
        Format::OpenMetrics => "om",
    };
    // Equal pages of all processes have one name: its keys are always the same.
    let mut hasher = DefaultHasher::new();
    page.hash(&mut hasher);
    let path = directory.join(format!("{:016x}.{suffix}", hasher.finish()));
    match fs::File::create_new(&path) {
        Ok(mut file) => file.write_all(page.as_bytes()).expect("there is room for pages"),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => panic!("{} cannot be made: {error}", path.display()),
    }
}
