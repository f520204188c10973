//! The library's scanner finds in the bytes of an object what it finds in the value that
//! `serde_json` makes of them.
//!
//! If the first byte of the input is even, the rest is the object. If it is odd, the rest decides
//! how to generate an object that looks like a reply.

#![no_main]

use arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;
use streamgauge::__private::Protocol;
use streamgauge::__private::replay::{BytesSummary, read_bytes, read_value};
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

/// Where replies name their model.
const MODELS: [&str; 7] = [
    "/model",
    "/modelVersion",
    "/message/model",
    "/response/model",
    "/interaction/model",
    "/response/body/model",
    "/result/message/model",
];

/// The number of bytes, with their escapes, up to which a text is kept. The longest escape has six.
const MAX_ESCAPED: usize = 160;

fn check(reply: &[u8]) {
    let Some(value) = parse_object(reply) else { return };
    let parsed = read_value(&value);
    assert_plausible(&parsed);
    let compare = |reply: &[u8]| {
        let BytesSummary { reply: mut scanned, .. } = read_bytes(Protocol::Auto, [reply]);
        // Of several names, bytes have the first one in the text.
        let models = MODELS.iter().filter(|model| value.pointer(model).is_some()).count();
        // A name that is cut, because its escapes make it too long, is not the same text.
        let others = parsed.usage_by_other_models.iter().map(|(model, _)| model);
        let is_long = parsed.model.iter().chain(others).any(|model| model.len() > MAX_ESCAPED / 6);
        if models > 1 || is_long {
            scanned.model.clone_from(&parsed.model);
            scanned.usage_by_other_models.clone_from(&parsed.usage_by_other_models);
        }
        // Of several tiers the last one is kept, and `serde_json` sorts the members.
        if scanned.service_tier.is_some() && parsed.service_tier.is_some() {
            scanned.service_tier.clone_from(&parsed.service_tier);
        }
        // Matters only to a reply without usage.
        scanned.unparsed &= scanned.usage.is_none();
        assert_eq!(scanned, parsed, "scanned and parsed: {}", reply.escape_ascii());
    };
    // `serde_json` sorts the members and writes the shortest escapes.
    compare(value.to_string().as_bytes());
    // The words of the protocols need no escapes, so the scanner does not know escaped ones.
    if !reply.windows(2).any(|pair| pair == b"\\u" || pair == b"\\/") {
        compare(reply);
    }
}
