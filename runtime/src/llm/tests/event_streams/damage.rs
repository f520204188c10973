//! Damaged streams: nothing of a damaged message counts, and the messages after it do.

use super::{
    CONVERSE, Summary, base64, converse, decode, event, header, invoke, invoked, message,
    summarize, summary, text_header,
};
use crate::llm::Protocol;
use crate::llm::crc32::Crc32;
use crate::llm::tests::malformed_input::Random;
use crate::llm::tests::read_chunks;

#[test]
fn event_stream_message_with_a_wrong_checksum_does_not_count() {
    let messages = converse();
    // Each byte of the usage, and of the headers and checksum of its message.
    for at in 12..messages[4].len() {
        let mut damaged = messages[4].clone();
        damaged[at] ^= 0x10;
        let mut stream = messages[..4].to_vec();
        stream.push(damaged.clone());
        let read = summarize(Protocol::Auto, [&*stream.concat()].into_iter());
        assert_eq!(read, Summary { usage: None, unparsed: true, ..CONVERSE }, "{at}");

        // The messages that follow count.
        stream.push(messages[4].clone());
        let read = summarize(Protocol::Auto, [&*stream.concat()].into_iter());
        assert_eq!(read, Summary { unparsed: true, ..CONVERSE }, "{at}");
    }
    let mut damaged = messages[4].clone();
    damaged[100] ^= 1;
    let stream = [&messages[0], &damaged, &messages[1], &messages[3], &messages[4]];
    let read = summary(Protocol::Bedrock, &stream.map(Clone::clone).concat());
    assert_eq!(read, Summary { unparsed: true, ..CONVERSE });
}

#[test]
fn event_stream_service_tier_of_a_damaged_message_does_not_count() {
    let tier = |name| event("metadata", &format!("{{\"serviceTier\":{{\"type\":\"{name}\"}}}}"));
    let mut damaged = tier("priority");
    *damaged.last_mut().unwrap() ^= 1;
    let (mut reader, ..) = read_chunks(Protocol::Bedrock, [&*tier("flex")]);
    assert_eq!(reader.service_tier(), Some("flex"));
    reader.read(&damaged);
    assert_eq!(reader.service_tier(), Some("flex"));
    let cut = tier("priority");
    reader.read(&cut[..cut.len() - 1]);
    reader.end();
    assert_eq!(reader.service_tier(), Some("flex"));
}

#[test]
fn event_stream_with_a_damaged_prelude_resumes_at_the_next_message() {
    let messages = converse();
    for at in 0..12 {
        for bit in 0..8 {
            let mut stream = messages.clone();
            stream[1][at] ^= 1 << bit;
            let read = summarize(Protocol::Auto, [&*stream.concat()].into_iter());
            let expected = Summary { content: false, unparsed: true, ..CONVERSE };
            assert_eq!(read, expected, "bit {bit} of byte {at}");
        }
    }
    let mut stream = messages.clone();
    stream[1][11] ^= 1;
    let read = summary(Protocol::Bedrock, &stream.concat());
    assert_eq!(read, Summary { content: false, unparsed: true, ..CONVERSE });

    // Bytes between two messages.
    for garbage in [&b"\n"[..], b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", b"{\"usage\":{}}", &[0; 2_000]]
    {
        let mut stream = messages.clone();
        stream.insert(2, garbage.to_vec());
        let read = summary(Protocol::Auto, &stream.concat());
        assert_eq!(read, Summary { unparsed: true, ..CONVERSE }, "{garbage:?}");
    }
}

#[test]
fn event_stream_resumes_after_lost_bytes() {
    let messages = converse();
    let stream = messages.concat();
    let second = messages[0].len();
    let last = stream.len() - messages[4].len();
    for at in 0..messages[1].len() {
        // The message that loses a byte takes one from the message after it, which is lost, too.
        let mut damaged = stream.clone();
        damaged.remove(second + at);
        let read = summarize(Protocol::Auto, [&*damaged].into_iter());
        assert_eq!(read, Summary { content: false, unparsed: true, ..CONVERSE }, "{at}");
    }
    for at in last..stream.len() {
        let mut damaged = stream.clone();
        damaged.remove(at);
        damaged.extend_from_slice(&messages[4]);
        damaged.extend_from_slice(&messages[4]);
        let read = summarize(Protocol::Auto, [&*damaged].into_iter());
        assert_eq!(read, Summary { unparsed: true, ..CONVERSE }, "{at}");
    }
}

#[test]
fn event_stream_with_impossible_lengths_begins_no_message() {
    let prelude = |total: u32, headers: u32| {
        let mut prelude = [total.to_be_bytes(), headers.to_be_bytes()].concat();
        prelude.extend(Crc32::of(&prelude).to_be_bytes());
        prelude
    };
    let valid = message(b"", b"");
    for (total, headers) in [
        (0, 0),
        (1, 0),
        (15, 0),
        (16, 1),
        (100, 85),
        (100, u32::MAX),
        (u32::MAX, 0),
        (u32::MAX, u32::MAX),
        ((24 << 20) + 17, 0),
        ((24 << 20) + (128 << 10), (128 << 10) + 1),
    ] {
        let stream = [valid.clone(), prelude(total, headers), valid.clone()].concat();
        let expected = (vec![(Vec::new(), true), (Vec::new(), true)], 1);
        assert_eq!(decode([&*stream].into_iter()), expected, "{total} {headers}");
        assert_eq!(decode(stream.chunks(1)), expected, "{total} {headers}");
    }
    for (total, headers) in [((24 << 20) + 16, 0), ((24 << 20) + (128 << 10) + 16, 128 << 10)] {
        let (messages, lost) = decode([&*prelude(total, headers), &*valid].into_iter());
        assert_eq!((messages.len(), lost), (0, 0), "{total} {headers}");
    }
}

#[test]
fn event_stream_message_with_malformed_headers_does_not_count() {
    let names =
        [text_header(":message-type", "event"), text_header(":event-type", "messageStop")].concat();
    for malformed in [
        header("x", 10, b""),
        header("x", 255, b"\x00\x00"),
        header("x", 5, b"\x00"),
        header("x", 7, b"\x00\x02x"),
        header("x", 7, b"\xFF\xFFx"),
        header("x", 7, b"\x00"),
        vec![1],
        vec![0],
        vec![3, b'x'],
        vec![1, b'x'],
    ] {
        let headers = [&names[..], &malformed].concat();
        let damaged = message(&headers, br#"{"stopReason":"end_turn"}"#);
        let read = summary(Protocol::Auto, &[damaged, converse().concat()].concat());
        assert_eq!(read, Summary { unparsed: true, ..CONVERSE }, "{malformed:?}");
    }
}

#[test]
fn event_stream_base64_that_is_damaged_does_not_count() {
    let frame = r#"{"type":"message_delta","usage":{"output_tokens":9},"a":"12"}"#;
    let text = base64(frame.as_bytes());
    assert!(text.ends_with('='), "{text}");
    let end = text.trim_end_matches('=');
    for text in [
        end,
        &format!("{text}="),
        &format!("{text}AAAA"),
        &format!("{}!{}", &text[..8], &text[8..]),
        &format!("{} {}", &text[..8], &text[8..]),
        &format!("{}\\n{}", &text[..8], &text[8..]),
        &format!("\\u0000{text}"),
        &format!("{text}\n"),
    ] {
        let mut messages = invoke();
        messages.insert(3, event("chunk", &format!("{{\"bytes\":\"{text}\"}}")));
        let read = summary(Protocol::Bedrock, &messages.concat());
        assert_eq!(read, Summary { unparsed: true, ..invoked() }, "{text}");
    }
    let cut = event("chunk", &format!("{{\"bytes\":\"{text}"));
    assert_eq!(summary(Protocol::Anthropic, &cut).usage, None);
}

#[test]
fn event_stream_with_changed_bytes_is_read_alike_however_split() {
    let mut random = Random(0x5EED);
    for round in 0..3_000 {
        let messages = if round % 2 == 0 { converse() } else { invoke() };
        let first = messages[0].len();
        let mut stream = messages.concat();
        for _ in 0..=random.below(4) {
            let at = first + random.below(stream.len() - first);
            match random.below(4) {
                0 => stream[at] = random.next().to_le_bytes()[0],
                1 => drop(stream.remove(at)),
                2 => stream.insert(at, random.next().to_le_bytes()[0]),
                _ => stream.truncate((at + 1).max(first + 1)),
            }
        }
        let whole = summarize(Protocol::Bedrock, [&*stream].into_iter());
        let size = 1 + random.below(40);
        let split = summarize(Protocol::Bedrock, stream.chunks(size));
        assert_eq!(whole, split, "{}", stream.escape_ascii());
        if let Some(usage) = whole.usage {
            let expected = [8, 18, 10, 20, 21, 27, 7];
            assert!(expected.contains(&usage.total()), "{usage:?} {}", stream.escape_ascii());
        }
        let decoded = decode([&*stream].into_iter());
        assert_eq!(decode(stream.chunks(size)), decoded);
    }
}

#[test]
fn event_stream_garbage_does_not_panic() {
    let mut random = Random(9);
    let start = message(b"", b"");
    for round in 0..2_000 {
        let mut stream = if round % 2 == 0 { start.clone() } else { Vec::new() };
        for _ in 0..random.below(300) {
            // Zeros are the most frequent bytes of preludes.
            let byte = random.next().to_le_bytes()[0];
            stream.push(if random.below(2) == 0 { byte & 1 } else { byte });
        }
        stream.extend(converse().concat());
        let whole = decode([&*stream].into_iter());
        assert_eq!(decode(stream.chunks(1 + random.below(20))), whole);
        assert_eq!(whole.0.iter().rev().take(4).filter(|(_, is_valid)| *is_valid).count(), 4);
        let read = summarize(Protocol::Auto, [&*stream].into_iter());
        if round % 2 == 0 {
            assert_eq!(read.usage, CONVERSE.usage);
        }
    }
}
