//! The values of samples as text.

use std::io::Write;

/// Appends a whole number.
pub(super) fn push_whole(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Appends a float: the shortest digits that are read as the same float, without an exponent.
pub(super) fn push_float(out: &mut Vec<u8>, number: f64) {
    if let Some(decimal) = Decimal::of(number) {
        decimal.push(out);
    } else if number.is_nan() {
        out.extend_from_slice(b"NaN");
    } else if number.is_infinite() {
        out.extend_from_slice(if number > 0.0 { b"+Inf" } else { b"-Inf" });
    } else {
        let _ = write!(out, "{number}");
    }
}

/// A number with at most nine decimals and at most fifteen digits in all.
///
/// The sums of most histograms are such numbers: seconds with nanoseconds, or bytes. They are
/// written several times as fast as other floats. No two decimal numbers of up to fifteen digits
/// are read as the same float. So the digits of such a number, without zeros at its end, are the
/// shortest ones of its float.
struct Decimal {
    whole: u64,
    billionths: u64,
}

impl Decimal {
    /// Returns the decimal number that is read as this float.
    #[expect(clippy::float_cmp, reason = "the decimal number must be read as exactly this float")]
    fn of(number: f64) -> Option<Self> {
        const BILLION: u64 = 1_000_000_000;
        const MAX_DIGITS: u32 = 15;
        if number.is_sign_negative() {
            return None;
        }
        let whole = to_u64(number);
        if whole < 10_u64.pow(MAX_DIGITS) && to_f64(whole) == number {
            return Some(Self { whole, billionths: 0 });
        }
        let billionths = to_u64(number * to_f64(BILLION) + 0.5);
        // Both sides of the division are exact, and so is the rounding of its result.
        (billionths < 10_u64.pow(MAX_DIGITS) && to_f64(billionths) / to_f64(BILLION) == number)
            .then_some(Self { whole: billionths / BILLION, billionths: billionths % BILLION })
    }

    fn push(&self, out: &mut Vec<u8>) {
        push_whole(out, self.whole);
        if self.billionths == 0 {
            return;
        }
        let dot = out.len();
        // The digit 1 in front keeps the zeros after the point. The point then replaces it.
        push_whole(out, self.billionths + 1_000_000_000);
        out[dot] = b'.';
        while out.last() == Some(&b'0') {
            out.pop();
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the caller compares the result with the float"
)]
fn to_u64(number: f64) -> u64 {
    number as u64
}

#[expect(clippy::cast_precision_loss, reason = "numbers of fifteen digits are exact")]
fn to_f64(number: u64) -> f64 {
    number as f64
}
