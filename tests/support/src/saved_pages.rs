//! Saves metrics pages for the parsers of other projects.
//!
//! If the environment variable `STREAMGAUGE_PAGES` names a directory, every page that passes
//! [`strict::check`](crate::strict::check) is saved there once: text pages with the suffix `.txt`,
//! `OpenMetrics` pages with `.om`. The end-to-end tests feed these files to the parsers of
//! Prometheus and of its Python client. Without the variable nothing is written.

use std::collections::hash_map::DefaultHasher;
use std::env;
use std::fs;
use std::hash::{Hash, Hasher};
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use crate::strict::Format;

pub(crate) fn save(page: &str, format: Format) {
    let Some(directory) = env::var_os("STREAMGAUGE_PAGES").map(PathBuf::from) else { return };
    let suffix = match format {
        Format::Text => "txt",
        Format::OpenMetrics => "om",
    };
    // `DefaultHasher::new` has fixed keys, so equal pages of different processes share one file.
    let mut hasher = DefaultHasher::new();
    page.hash(&mut hasher);
    let path = directory.join(format!("{:016x}.{suffix}", hasher.finish()));
    match fs::File::create_new(&path) {
        Ok(mut file) => file.write_all(page.as_bytes()).expect("the page can be written"),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => panic!("{} cannot be created: {error}", path.display()),
    }
}
