//! Parses the text of a page.

use std::collections::BTreeSet;

use super::error::{PageError, PageProblem};
use super::series::Series;

/// The characters that separate the parts of a line.
const BLANKS: [char; 2] = [' ', '\t'];

/// The last line of an `OpenMetrics` page.
const END: &str = "# EOF";

/// Parses a page in the text format or in `OpenMetrics`.
pub(super) fn parse(page: &str) -> Result<Vec<Series>, PageError> {
    let mut all = Vec::new();
    let mut has_ended = false;
    for (index, line) in page.split_inclusive('\n').enumerate() {
        let error = |line: &str, reason: String| PageProblem::line(index + 1, reason, line);
        if has_ended {
            return Err(error(line, format!("the page continues after `{END}`")).into());
        }
        // `OpenMetrics` allows to leave out the last newline, because the page is then complete.
        if line == END {
            break;
        }
        let Some(line) = line.strip_suffix('\n') else {
            let reason = "the line has no newline at its end, so the page is cut off";
            return Err(error(line, reason.to_owned()).into());
        };
        if line.ends_with('\r') {
            let reason = "the line ends with a carriage return, which no format allows";
            return Err(error(line, reason.to_owned()).into());
        }
        has_ended = line == END;
        let text = line.trim_matches(BLANKS);
        if !text.is_empty() && !text.starts_with('#') {
            all.push(series(text).map_err(|reason| error(line, reason))?);
        }
    }
    Ok(all)
}

/// Parses the line of a series. The error is the reason why the line is not valid.
fn series(line: &str) -> Result<Series, String> {
    let mut rest = Rest(line);
    let name = rest.name(true).ok_or("the line does not begin with a metric name")?.to_owned();
    let labels = rest.labels()?;
    let value = rest.number()?.ok_or("the value is missing")?;
    if !rest.0.is_empty() && !rest.0.starts_with('#') {
        rest.time()?;
    }
    if rest.take('#') {
        rest.exemplar()?;
    }
    if rest.0.is_empty() {
        Ok(Series { name, labels, value })
    } else {
        Err(format!("`{}` follows the value", rest.0))
    }
}

/// The part of a line that has not been parsed. It does not begin with a blank.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn skip_blanks(&mut self) {
        self.0 = self.0.trim_start_matches(BLANKS);
    }

    /// Removes a character, and the blanks after it.
    fn take(&mut self, character: char) -> bool {
        let Some(rest) = self.0.strip_prefix(character) else { return false };
        self.0 = rest;
        self.skip_blanks();
        true
    }

    /// Removes the name of a metric, which may have colons, or of a label.
    fn name(&mut self, colons: bool) -> Option<&'a str> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || (colons && c == ':');
        let end = self.0.find(|c| !is_part(c)).unwrap_or(self.0.len());
        let (name, rest) = self.0.split_at_checked(end)?;
        self.0 = rest;
        self.skip_blanks();
        (!name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit())).then_some(name)
    }

    /// Removes the labels and their braces, if there are any.
    fn labels(&mut self) -> Result<Vec<(String, String)>, String> {
        let mut labels = Vec::new();
        let mut names = BTreeSet::new();
        if !self.take('{') {
            return Ok(labels);
        }
        while !self.take('}') {
            let name = self.name(false).ok_or("a label name or `}` is missing")?;
            if !names.insert(name) {
                return Err(format!("the label `{name}` occurs twice"));
            }
            if !(self.take('=') && self.0.starts_with('"')) {
                return Err(format!("the label `{name}` has no value in quotes"));
            }
            let value = self.quoted().map_err(|reason| format!("label `{name}`: {reason}"))?;
            labels.push((name.to_owned(), value));
            if !self.take(',') && !self.0.starts_with('}') {
                return Err(format!("neither `,` nor `}}` follows the label `{name}`"));
            }
        }
        Ok(labels)
    }

    /// Removes a text in quotes and returns it without escapes.
    fn quoted(&mut self) -> Result<String, String> {
        let mut value = String::new();
        let mut characters = self.0.chars();
        characters.next();
        loop {
            value.push(match characters.next() {
                Some('"') => break,
                Some('\\') => match characters.next() {
                    Some('n') => '\n',
                    Some(escaped @ ('"' | '\\')) => escaped,
                    Some(other) => return Err(format!("unknown escape `\\{other}`")),
                    None => return Err("the value has no closing quote".to_owned()),
                },
                Some(other) => other,
                None => return Err("the value has no closing quote".to_owned()),
            });
        }
        self.0 = characters.as_str();
        self.skip_blanks();
        Ok(value)
    }

    /// Removes a number. Returns `None` at the end of the line.
    fn number(&mut self) -> Result<Option<f64>, String> {
        let (number, rest) = self.0.split_once(BLANKS).unwrap_or((self.0, ""));
        if number.is_empty() {
            return Ok(None);
        }
        self.0 = rest;
        self.skip_blanks();
        // Rust accepts all numbers that the formats have, `+Inf` and `NaN` included.
        number.parse().map(Some).map_err(|_| format!("`{number}` is not a number"))
    }

    /// Removes a timestamp, which the formats write in milliseconds or in seconds.
    fn time(&mut self) -> Result<(), String> {
        match self.number()? {
            Some(time) if !time.is_finite() => Err(format!("`{time}` is not a timestamp")),
            _ => Ok(()),
        }
    }

    /// Removes the labels, the value and the timestamp of an exemplar.
    fn exemplar(&mut self) -> Result<(), String> {
        if !self.0.starts_with('{') {
            return Err("the exemplar has no labels".to_owned());
        }
        self.labels()?;
        self.number()?.ok_or("the exemplar has no value")?;
        self.time()
    }
}
