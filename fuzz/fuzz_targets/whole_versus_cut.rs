//! The findings of a reply do not depend on how its bytes are cut into chunks.
//!
//! The first byte of the input chooses the protocol, the next seven are the lengths of the chunks,
//! and the rest is the reply.

#![no_main]

use libfuzzer_sys::fuzz_target;
use streamgauge::__private::Protocol;
use streamgauge::__private::replay::{BytesSummary, read_bytes};
use streamgauge_fuzz::{assert_plausible, has_malformed_content, pieces, protocol};

fuzz_target!(|input: &[u8]| {
    let Some(([protocol_byte, lengths @ ..], reply)) = input.split_first_chunk::<8>() else {
        return;
    };
    let protocol = protocol(*protocol_byte);
    let whole = read(protocol, vec![reply]);
    assert_plausible(&whole.reply);
    for chunks in [pieces(reply, lengths), reply.chunks(1).collect()] {
        let cut = read(protocol, chunks);
        if cut != whole && !has_malformed_content(reply) {
            assert_eq!(cut, whole, "cut and whole: {}", reply.escape_ascii());
        }
    }
});

fn read(protocol: Protocol, chunks: Vec<&[u8]>) -> BytesSummary {
    let mut summary = read_bytes(protocol, chunks);
    // A frame with content alone is not searched for the tier, if one chunk has all of it.
    if summary.is_streamed {
        summary.reply.service_tier = None;
    }
    summary
}
