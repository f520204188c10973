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
