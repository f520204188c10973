//! What the fuzz targets share.

pub mod generate;
pub mod object;

use streamgauge::__private::Protocol;
use streamgauge::__private::replay::{self, ReplySummary};

/// More than any sum of counts. A count of more than 2^40 tokens is not read. A total may be a sum
/// of several counts; what is recorded of it is at most 2^40.
const MAX_SUM: u64 = 1 << 52;

/// Returns the protocol that a byte stands for.
#[must_use]
pub fn protocol(byte: u8) -> Protocol {
    replay::PROTOCOLS[usize::from(byte) % replay::PROTOCOLS.len()]
}

/// Splits bytes into pieces of the given lengths, which are repeated. Zero is an empty piece.
#[must_use]
pub fn pieces<'a>(bytes: &'a [u8], lengths: &[u8]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    let mut rest = bytes;
    // Lengths that are all zero would never end.
    for length in lengths.iter().chain(&[1]).cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, after) = rest.split_at(rest.len().min(usize::from(*length)));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

/// Returns whether a line may pass for a frame with content alone, although it is no JSON object.
///
/// The library does not scan a frame that a search for a few keys recognizes as content. It can do
/// so only if one chunk has the whole line. Otherwise the frame is scanned and found to be
/// malformed, so that the rest of its event is skipped.
#[must_use]
pub fn has_malformed_content(reply: &[u8]) -> bool {
    reply.split(|byte| matches!(byte, b'\r' | b'\n')).any(|line| {
        let data = line.strip_prefix(b"data:").unwrap_or(line);
        let has_delta = data.windows(8).any(|bytes| bytes == b"\"delta\":");
        has_delta && object::parse_object(data).is_none()
    })
}

/// Asserts what holds for each reply, whatever its bytes are.
///
/// # Panics
///
/// If it does not hold.
pub fn assert_plausible(reply: &ReplySummary) {
    let by_other_models = reply.usage_by_other_models.iter().map(|(_, usage)| usage);
    for (name, tokens) in reply.usage.iter().chain(by_other_models).flat_map(replay::counts) {
        assert!(tokens <= MAX_SUM, "{name} is {tokens}");
    }
    if let Some(cost) = reply.provider_cost {
        assert!((0.0..=1e6).contains(&cost), "cost of {cost}");
    }
}
