//! The findings of a reply do not depend on how its bytes are cut into chunks.
//!
//! The first byte of the input chooses the protocol, the next seven are the lengths of the chunks,
//! and the rest is the reply.

#![no_main]

use libfuzzer_sys::fuzz_target;
use streamgauge::__private::replay::read_bytes;
use streamgauge_fuzz::{assert_plausible, pieces, protocol};

fuzz_target!(|input: &[u8]| {
    let Some(([protocol_byte, lengths @ ..], reply)) = input.split_first_chunk::<8>() else {
        return;
    };
    let protocol = protocol(*protocol_byte);
    let whole = read_bytes(protocol, [reply]);
    assert_plausible(&whole.reply);
    for chunks in [pieces(reply, lengths), reply.chunks(1).collect()] {
        let cut = read_bytes(protocol, chunks);
        assert_eq!(cut, whole, "cut and whole: {}", reply.escape_ascii());
    }
});
