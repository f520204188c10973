//! The library decodes the messages of a binary event stream that `aws-smithy-eventstream` decodes,
//! with the same payloads, however the stream is cut.
//!
//! The input decides how to generate a stream: some messages, whole or damaged.

#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use aws_smithy_eventstream::frame::read_message_from;
use libfuzzer_sys::fuzz_target;
use streamgauge::__private::Protocol;
use streamgauge::__private::replay::{event_messages, read_bytes};
use streamgauge_fuzz::{assert_plausible, pieces};

/// The bytes of a message that are neither headers nor payload.
const OVERHEAD: usize = 16;

fuzz_target!(|input: &[u8]| {
    let mut u = Unstructured::new(input);
    if let (Ok(lengths), Ok(stream)) = (u.arbitrary::<[u8; 7]>(), stream(&mut u)) {
        check(&stream, &lengths);
    }
});

fn check(stream: &[u8], lengths: &[u8]) {
    let found = event_messages([stream]);
    assert_eq!(found, event_messages(pieces(stream, lengths)), "{}", stream.escape_ascii());
    let mut rest = stream;
    for payload in &found {
        let length = u32::from_be_bytes(*rest.first_chunk().expect("a prelude"));
        let (message, after) = rest.split_at(length as usize);
        rest = after;
        match (payload, read_message_from(message)) {
            (Some(payload), Ok(message)) => assert_eq!(payload, &message.payload()[..]),
            (None, Err(_)) => {}
            // The library looks only at the headers that matter, so it does not refuse the others
            // for their text.
            (Some(_), Err(error)) => {
                let error = format!("{error:?}");
                let is_text = error.contains("Header") || error.contains("Utf8");
                assert!(is_text, "{error}: {}", stream.escape_ascii());
            }
            (None, Ok(_)) => panic!("a message is refused: {}", stream.escape_ascii()),
        }
    }
    // No whole message follows.
    assert!(read_message_from(rest).is_err(), "a message is missed: {}", stream.escape_ascii());
    let whole = read_bytes(Protocol::Bedrock, [stream]);
    assert_plausible(&whole.reply);
    assert_eq!(read_bytes(Protocol::Bedrock, pieces(stream, lengths)), whole);
}

fn stream(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let mut stream = Vec::new();
    for _ in 0..u.int_in_range(1..=4)? {
        let headers = headers(u)?;
        stream.extend(message(&headers, &payload(u)?));
    }
    // One damaged byte, a cut, or neither.
    let at = u.choose_index(stream.len())?;
    match u.int_in_range(0..=3)? {
        0 => stream[at] ^= u.arbitrary::<u8>()?,
        1 => stream.truncate(at),
        _ => {}
    }
    Ok(stream)
}

fn message(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let number = |length: usize| u32::try_from(length).expect("a small input").to_be_bytes();
    let mut message = number(OVERHEAD + headers.len() + payload.len()).to_vec();
    message.extend(number(headers.len()));
    message.extend(crc32fast::hash(&message).to_be_bytes());
    message.extend([headers, payload].concat());
    message.extend(crc32fast::hash(&message).to_be_bytes());
    message
}

/// Returns headers, most of them well-formed.
fn headers(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    if u.ratio(1, 8)? {
        return Vec::arbitrary(u);
    }
    let mut headers = Vec::new();
    for _ in 0..u.int_in_range(0..=3)? {
        let name = *u.choose(&[":message-type", ":event-type", ":exception-type", "a"])?;
        headers.push(u8::try_from(name.len()).expect("a short name"));
        headers.extend(name.as_bytes());
        let value_type = u.int_in_range(0..=10)?;
        headers.push(value_type);
        let length = match value_type {
            2 => 1,
            3 => 2,
            4 => 4,
            5 | 8 => 8,
            9 => 16,
            6 | 7 => {
                let words = ["event", "exception", "chunk", "metadata", "messageStop", ""];
                let word = *u.choose(&words)?;
                headers.extend(u16::try_from(word.len()).expect("a short word").to_be_bytes());
                headers.extend(word.as_bytes());
                0
            }
            _ => 0,
        };
        headers.extend(u.bytes(length)?);
    }
    Ok(headers)
}

fn payload(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let known: [&[u8]; 4] = [
        br#"{"metrics":{"latencyMs":1},"usage":{"inputTokens":8,"outputTokens":10,"totalTokens":18}}"#,
        br#"{"stopReason":"max_tokens"}"#,
        br#"{"bytes":"eyJpbnB1dFRleHRUb2tlbkNvdW50Ijo1fQ=="}"#,
        br#"{"contentBlockIndex":0,"delta":{"text":"a"}}"#,
    ];
    Ok(if u.arbitrary()? { u.choose(&known)?.to_vec() } else { Vec::arbitrary(u)? })
}
