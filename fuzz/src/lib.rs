//! What the fuzz targets share.

pub mod generate;
pub mod object;

use streamgauge::__private::Protocol;
use streamgauge::__private::replay::{self, ReplySummary};

/// The largest count that the library records: no call has more tokens.
const MAX_TOKENS: u64 = 1 << 40;

/// Returns the protocol that a byte stands for.
#[must_use]
pub fn protocol(byte: u8) -> Protocol {
    replay::PROTOCOLS[usize::from(byte) % replay::PROTOCOLS.len()]
}

/// Splits bytes into pieces of the given lengths, which are repeated. Zero is an empty piece.
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
    for (name, tokens) in reply.usage.iter().flat_map(replay::counts) {
        assert!(tokens <= MAX_TOKENS, "{name} is {tokens}");
    }
    if let Some(cost) = reply.provider_cost {
        assert!((0.0..=1e6).contains(&cost), "cost of {cost}");
    }
}
