//! The library's scanner finds in the bytes of an object what it finds in the value that
//! `serde_json` makes of them.
//!
//! If the first byte of the input is even, the rest is the object. If it is odd, the rest decides
//! how to generate an object that looks like a reply.

#![no_main]

use arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;
use streamgauge::__private::Protocol;
use streamgauge::__private::replay::{read_bytes, read_value};
use streamgauge_fuzz::object::parse_object;
use streamgauge_fuzz::{assert_plausible, generate};

fuzz_target!(|input: &[u8]| {
    let Some((mode, input)) = input.split_first() else { return };
    if mode % 2 == 0 {
        check(input);
    } else if let Ok(reply) = generate::reply(&mut Unstructured::new(input)) {
        check(reply.as_bytes());
    }
});

fn check(reply: &[u8]) {
    let Some(value) = parse_object(reply) else { return };
    let parsed = read_value(&value);
    assert_plausible(&parsed);
    // `serde_json` sorts the members and writes the shortest escapes.
    let sorted = value.to_string();
    let scanned = read_bytes(Protocol::Auto, [sorted.as_bytes()]).reply;
    assert_eq!(scanned, parsed, "scanned and parsed, sorted: {sorted}");
    // The words of the protocols need no escapes, so the scanner does not know escaped ones.
    if reply.windows(2).any(|pair| pair == b"\\u" || pair == b"\\/") {
        return;
    }
    let scanned = read_bytes(Protocol::Auto, [reply]).reply;
    assert_eq!(scanned, parsed, "scanned and parsed: {}", String::from_utf8_lossy(reply));
}
