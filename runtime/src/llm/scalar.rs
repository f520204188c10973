//! JSON values that are neither objects nor arrays.

use serde_json::Number;

use crate::usage::MAX_TOKENS;

/// The longest text that is buffered, in bytes; the rest is cut. A frame itself has no maximum
/// size, because no frame is buffered.
pub(super) const MAX_BUFFERED_TEXT: usize = 160;

/// The maximum length of an identifier, in bytes.
const MAX_IDENTIFIER: usize = 64;

/// The largest cost that is read, in US dollars. No call costs more.
const MAX_COST: f64 = 1e6;

/// The units of xAI's `cost_in_usd_ticks` in a US dollar.
pub(super) const TICKS_PER_DOLLAR: f64 = 1e10;

/// A JSON value that is neither an object nor an array, as sent.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scalar<'a> {
    /// The bytes between the quotes of a string.
    Text(&'a [u8]),
    /// A number, `true`, `false`, or `null`.
    Literal(&'a [u8]),
}

/// Parses a whole number that is not negative. Accepts `10.0` and `1e1`, because some languages
/// have only floating-point numbers.
///
/// Returns `None` for a number larger than any call's tokens. Such a number is an error of the
/// server, for example a wrapped -1, and would make a counter wrap around.
pub(super) fn token_count(literal: &[u8]) -> Option<u64> {
    if let Some(small) = small_number(literal) {
        return Some(small);
    }
    let number: Number = serde_json::from_slice(literal).ok()?;
    // The text of a floating-point number without a fraction consists of digits only.
    let whole = || number.as_f64()?.to_string().parse().ok();
    number.as_u64().or_else(whole).filter(|number| *number <= MAX_TOKENS)
}

/// Parses a number of a few digits, as nearly all counts are, faster than a parser of any number.
fn small_number(literal: &[u8]) -> Option<u64> {
    const MAX_DIGITS: usize = 12;
    // JSON has no further digits after a leading zero.
    let is_small = matches!(literal, [b'0'] | [b'1'..=b'9', ..])
        && literal.len() <= MAX_DIGITS
        && literal.iter().all(u8::is_ascii_digit);
    is_small.then(|| literal.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

/// A cost in US dollars that a provider states.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum StatedCost {
    #[default]
    Absent,
    /// Sent, but not a cost that any call can have.
    Unreadable,
    Usd(f64),
}

impl StatedCost {
    /// Parses a number: the cost in units, of which a dollar has `per_dollar`.
    pub(super) fn parse(number: &[u8], per_dollar: f64) -> Self {
        // A number of this length may have been cut. In a text, white space may stand around it.
        let is_number =
            number.len() < MAX_BUFFERED_TEXT && !number.iter().any(u8::is_ascii_whitespace);
        let number = Some(number).filter(|_| is_number);
        let number = number.and_then(|number| serde_json::from_slice::<Number>(number).ok());
        number
            .and_then(|number| Some(number.as_f64()? / per_dollar))
            .filter(|cost| (0.0..=MAX_COST).contains(cost))
            .map_or(Self::Unreadable, Self::Usd)
    }

    /// Returns this cost, or `other` if this is absent.
    pub(super) const fn or(self, other: Self) -> Self {
        match self {
            Self::Absent => other,
            stated => stated,
        }
    }

    pub(super) const fn usd(self) -> Option<f64> {
        match self {
            Self::Usd(cost) => Some(cost),
            Self::Absent | Self::Unreadable => None,
        }
    }
}

/// An identifier of at most 64 bytes, kept without an allocation. Empty if there is none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Identifier {
    bytes: [u8; MAX_IDENTIFIER],
    length: u8,
}

impl Identifier {
    pub(super) const EMPTY: Self = Self { bytes: [0; MAX_IDENTIFIER], length: 0 };

    /// Replaces the identifier, unless the text is none.
    pub(super) fn replace(&mut self, text: &[u8]) {
        let Some(name) = identifier(text) else { return };
        let length = u8::try_from(name.len()).unwrap_or_default();
        self.length = length;
        self.bytes[..name.len()].copy_from_slice(name.as_bytes());
    }

    pub(super) fn as_str(&self) -> Option<&str> {
        let bytes = self.bytes.get(..usize::from(self.length))?;
        std::str::from_utf8(bytes).ok().filter(|name| !name.is_empty())
    }
}

/// Returns the text of a JSON string, given the bytes between its quotes.
fn unescape(raw: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(raw).ok()?;
    if !text.contains('\\') {
        return Some(text.to_owned());
    }
    serde_json::from_str(&format!("\"{text}\"")).ok()
}

/// Returns the name in a JSON string, given the bytes between its quotes.
///
/// Text of the maximum length may have been cut, perhaps within a character or an escape. Its valid
/// start is returned as sent: it is longer than any label, so the name is recorded as `other`.
pub(super) fn name_or_start(raw: &[u8]) -> Option<String> {
    if raw.len() < MAX_BUFFERED_TEXT {
        return unescape(raw);
    }
    let start = match std::str::from_utf8(raw) {
        Ok(text) => text,
        Err(error) if error.error_len().is_some() => return None,
        Err(error) => std::str::from_utf8(&raw[..error.valid_up_to()]).ok()?,
    };
    Some(start.to_owned())
}

/// Returns the text if it is an identifier, such as the type of an error, and not a sentence.
pub(super) fn identifier(text: &[u8]) -> Option<&str> {
    let name = std::str::from_utf8(text).ok()?;
    let is_identifier = !name.is_empty()
        && name.len() <= MAX_IDENTIFIER
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    is_identifier.then_some(name)
}
