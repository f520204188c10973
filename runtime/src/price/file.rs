//! Price files.

mod json;
mod node;
mod suggest;
mod table;
#[cfg(feature = "toml")]
mod toml;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use memchr::memchr_iter;

use self::node::Node;
use super::Prices;

/// The largest file that is read. A price takes about 100 bytes.
const MAX_BYTES: u64 = 16 << 20;

/// Error returned when prices cannot be read from a file or a text.
///
/// The message names the file and the line, and says how to correct the mistake. An error of the
/// operating system is the [`source`](std::error::Error::source), and not part of the message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PriceFileError {
    /// The operating system could not read the file.
    #[error("cannot read the price file {}: it must be a readable file", path.display())]
    Io {
        /// The path that was given.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The file is larger than 16 MiB.
    #[error(
        "the price file {} is larger than 16 MiB: give the path of a list of prices",
        path.display()
    )]
    TooLarge {
        /// The path that was given.
        path: PathBuf,
    },
    /// The file has an extension other than `json` and `toml`.
    #[error(
        "the format of the price file {} is not known: use the extension `.json` or `.toml`",
        path.display()
    )]
    UnknownFormat {
        /// The path that was given.
        path: PathBuf,
    },
    /// The file is in TOML, and the feature `toml` is not enabled.
    #[error(
        "cannot read the price file {}: enable the feature `toml` of streamgauge, or write the \
         file in JSON",
        path.display()
    )]
    TomlDisabled {
        /// The path that was given.
        path: PathBuf,
    },
    /// The text is not valid JSON or TOML, or a price in it is not valid.
    #[error("{}, line {line}: {reason}", place(path.as_deref()))]
    Content {
        /// The file, or `None` if the prices were read from a text.
        path: Option<PathBuf>,
        /// The line of the mistake. The first line is 1.
        line: usize,
        /// The mistake, and how to correct it.
        reason: String,
    },
}

fn place(path: Option<&Path>) -> String {
    path.map_or_else(|| "prices".to_owned(), |path| format!("price file {}", path.display()))
}

/// A mistake in the text of a price file.
#[derive(Debug)]
struct Mistake {
    line: usize,
    reason: String,
}

impl Mistake {
    fn at(line: usize, reason: impl Into<String>) -> Self {
        Self { line, reason: reason.into() }
    }

    fn in_file(self, path: Option<&Path>) -> PriceFileError {
        let Self { line, reason } = self;
        PriceFileError::Content { path: path.map(Path::to_owned), line, reason }
    }
}

/// Parses a text into a tree of values with their lines.
type Parse = fn(&str) -> Result<Node, Mistake>;

impl Prices {
    /// Reads prices from a file in JSON or TOML, depending on its extension.
    ///
    /// [`Prices`] describes the format. TOML needs the feature `toml`. To use a changed file in a
    /// running program, read it again and call
    /// [`Metrics::set_prices`](crate::Metrics::set_prices).
    ///
    /// The function blocks while it reads the file.
    ///
    /// # Errors
    ///
    /// Returns a [`PriceFileError`] if the file cannot be read, is larger than 16 MiB, or has
    /// neither of the two extensions. If the content is not valid, the error names the line. A file
    /// without any price is not valid, so that a file which is being rewritten does not remove all
    /// prices.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use streamgauge::{Metrics, Prices};
    ///
    /// let metrics = Metrics::builder().prices(Prices::from_file("prices.json")?).install()?;
    /// // After the file has changed:
    /// metrics.set_prices(Prices::from_file("prices.json")?)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, PriceFileError> {
        let path = path.as_ref();
        let parse = parser_for(path)?;
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
            .map_err(|source| PriceFileError::Io { path: path.to_owned(), source })?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(PriceFileError::TooLarge { path: path.to_owned() });
        }
        let prices = text_of(&bytes).and_then(|text| read(text, parse));
        prices.map_err(|mistake| mistake.in_file(Some(path)))
    }

    /// Reads prices from a text in JSON.
    ///
    /// [`Prices`] describes the format.
    ///
    /// # Errors
    ///
    /// Returns [`PriceFileError::Content`], which names the line of the mistake.
    ///
    /// # Examples
    ///
    /// ```
    /// use streamgauge::Prices;
    ///
    /// let prices = Prices::parse_json(r#"{ "small-1": { "input": 0.15, "output": 0.60 } }"#)?;
    /// assert_eq!(prices.len(), 1);
    ///
    /// let error = Prices::parse_json(r#"{ "small-1": { "input": -1, "output": 0.60 } }"#);
    /// assert!(error.unwrap_err().to_string().starts_with("prices, line 1: "));
    /// # Ok::<(), streamgauge::PriceFileError>(())
    /// ```
    pub fn parse_json(text: &str) -> Result<Self, PriceFileError> {
        read(text, json::parse).map_err(|mistake| mistake.in_file(None))
    }

    /// Reads prices from a text in TOML.
    ///
    /// [`Prices`] describes the format.
    ///
    /// # Errors
    ///
    /// Returns [`PriceFileError::Content`], which names the line of the mistake.
    ///
    /// # Examples
    ///
    /// ```
    /// use streamgauge::{Price, Prices};
    ///
    /// let prices = Prices::parse_toml("[small-1]\ninput = 0.15\noutput = 0.60")?;
    /// assert_eq!(prices, Prices::new().price("small-1", Price::per_million(0.15, 0.60)));
    /// # Ok::<(), streamgauge::PriceFileError>(())
    /// ```
    #[cfg(feature = "toml")]
    #[cfg_attr(docsrs, doc(cfg(feature = "toml")))]
    pub fn parse_toml(text: &str) -> Result<Self, PriceFileError> {
        read(text, toml::parse).map_err(|mistake| mistake.in_file(None))
    }
}

/// Returns the parser for a file with this extension.
fn parser_for(path: &Path) -> Result<Parse, PriceFileError> {
    let extension = path.extension().unwrap_or_default();
    if extension.eq_ignore_ascii_case("json") {
        Ok(json::parse)
    } else if extension.eq_ignore_ascii_case("toml") {
        #[cfg(feature = "toml")]
        return Ok(toml::parse);
        #[cfg(not(feature = "toml"))]
        return Err(PriceFileError::TomlDisabled { path: path.to_owned() });
    } else {
        Err(PriceFileError::UnknownFormat { path: path.to_owned() })
    }
}

fn text_of(bytes: &[u8]) -> Result<&str, Mistake> {
    std::str::from_utf8(bytes).map_err(|error| {
        let line = 1 + memchr_iter(b'\n', &bytes[..error.valid_up_to()]).count();
        Mistake::at(line, "the text is not valid UTF-8: save the file in UTF-8")
    })
}

fn read(text: &str, parse: Parse) -> Result<Prices, Mistake> {
    // Some editors begin a file with a byte order mark, which JSON does not allow.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(Mistake::at(1, "the text is empty: give at least one price"));
    }
    table::read_prices(&parse(text)?)
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::{Mistake, PriceFileError};
    use crate::error_chain::assert_shows_causes_once;

    #[test]
    fn error_texts_show_their_cause_once() {
        let path = || "prices.toml".into();
        let source = io::Error::from(io::ErrorKind::NotFound);
        assert_shows_causes_once(&PriceFileError::Io { path: path(), source }, 2);
        assert_shows_causes_once(&PriceFileError::TooLarge { path: path() }, 1);
        assert_shows_causes_once(&Mistake::at(7, "on purpose").in_file(None), 1);
    }
}
