//! Frames that match the template have the findings that a scan would have.

use super::{read, samples};
use crate::llm::replay::{BytesSummary, read_bytes};
use crate::llm::{ChunkFindings, Protocol, ReplyReader};

const CHAT: &str = r#"{"object":"chat.completion.chunk","created":1700000000,"model":"m-1","service_tier":"flex","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}],"usage":null,"obfuscation":"x"}"#;
const DELTA: &str =
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}"#;
const RESPONSES: &str = r#"{"type":"response.output_text.delta","sequence_number":4,"item_id":"i","delta":"a","obfuscation":"x"}"#;
const COHERE: &str =
    r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"a"}}}}"#;
const OLLAMA: &str = r#"{"model":"m-1","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":"a"},"done":false}"#;

const FRAMES: [(Protocol, &str); 5] = [
    (Protocol::OpenAi, CHAT),
    (Protocol::Anthropic, DELTA),
    (Protocol::OpenAi, RESPONSES),
    (Protocol::Cohere, COHERE),
    (Protocol::Ollama, OLLAMA),
];

/// Texts, and what looks like the end of a text but is a part of it, or the other way round.
const TEXTS: [&str; 20] = [
    "",
    " word",
    "a longer text, of more than sixteen bytes, with an ä",
    r"\n",
    r#"\""#,
    r"\\",
    r"\",
    r"\\\",
    r#"\\\""#,
    r"\u0022,\u005c",
    r#"\",\"usage\":{\"prompt_tokens\":70,\"completion_tokens\":7},\"x\":\""#,
    r#"","usage":{"prompt_tokens":71,"completion_tokens":8,"input_tokens":3},"x":""#,
    r#"\\","usage":{"prompt_tokens":72},"x":""#,
    r#""},"finish_reason":"length","x":{"y":""#,
    r#"","error":{"type":"x"},"y":""#,
    "[DONE]",
    "a\n\ndata: [DONE]\n\n",
    "a\rb",
    "\\\n\n",
    "\"",
];

fn event(frame: &str) -> String {
    format!("data: {frame}\n\n")
}

/// Returns a frame of a stream together with its framing.
fn framed(protocol: Protocol, frame: &str) -> String {
    if protocol == Protocol::Ollama { format!("{frame}\n") } else { event(frame) }
}

/// Reads each frame as one chunk, or byte by byte, so that each is scanned. Returns what was found
/// in each frame, and in the reply.
fn read_frames(
    protocol: Protocol,
    frames: &[String],
    is_split: bool,
) -> (Vec<ChunkFindings>, BytesSummary) {
    let mut reader = ReplyReader::new(protocol);
    let mut found = Vec::new();
    for frame in frames {
        let size = if is_split { 1 } else { frame.len() };
        let mut all = ChunkFindings::default();
        for chunk in frame.as_bytes().chunks(size) {
            let findings = reader.read(chunk);
            all.content |= findings.content;
            all.answer |= findings.answer;
            all.error |= findings.error;
            all.comment_bytes += findings.comment_bytes;
        }
        found.push(all);
    }
    let bytes = frames.concat();
    let size = if is_split { 1 } else { bytes.len() };
    (found, read_bytes(protocol, bytes.as_bytes().chunks(size)))
}

#[track_caller]
fn assert_same_as_scanned(protocol: Protocol, frames: &[String]) {
    let as_chunks = read_frames(protocol, frames, false);
    let scanned = read_frames(protocol, frames, true);
    assert_eq!(as_chunks, scanned, "{protocol:?}: {}", frames.concat());
}

/// Returns the ranges of the texts of a frame, and of its numbers.
fn values(frame: &str) -> Vec<std::ops::Range<usize>> {
    let bytes = frame.as_bytes();
    let mut values = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        if bytes[at] == b'"' {
            at += 1;
            while at < bytes.len() && bytes[at] != b'"' {
                at += if bytes[at] == b'\\' { 2 } else { 1 };
            }
            if at < bytes.len() {
                values.push(start + 1..at);
            }
        } else if bytes[at].is_ascii_digit() {
            while bytes.get(at + 1).is_some_and(u8::is_ascii_digit) {
                at += 1;
            }
            values.push(start..at + 1);
        }
        at += 1;
    }
    values
}

fn replaced(frame: &str, range: std::ops::Range<usize>, text: &str) -> String {
    format!("{}{text}{}", &frame[..range.start], &frame[range.end..])
}

#[test]
fn frames_with_any_other_text_are_read_as_scanned_ones() {
    for (protocol, frame) in FRAMES {
        let frame = framed(protocol, frame);
        for range in values(&frame) {
            for text in TEXTS.into_iter().chain(["0", "12345678901234567890", "-1.5e3", "null"]) {
                let other = replaced(&frame, range.clone(), text);
                let frames = [&frame, &frame, &other, &frame, &other, &other, &frame];
                assert_same_as_scanned(protocol, &frames.map(String::clone));
            }
        }
    }
}

#[test]
fn frames_of_all_samples_are_read_as_scanned_ones() {
    for sample in samples::all() {
        let end = if sample.bytes.starts_with('{') { "\n" } else { "\n\n" };
        let frames: Vec<_> = sample.bytes.split_inclusive(end).map(str::to_owned).collect();
        assert_same_as_scanned(sample.protocol, &frames);
        for (at, frame) in frames.iter().enumerate().filter(|(_, frame)| frame.ends_with(end)) {
            // One text for every fourth value, so that the test stays fast.
            for (number, range) in values(frame).into_iter().enumerate().skip(at % 4).step_by(4) {
                let text = TEXTS[(at + number / 4) % TEXTS.len()];
                let other = replaced(frame, range, text);
                let mut frames = frames.clone();
                frames.splice(at..=at, [frame, frame, &other, &other, frame].map(String::clone));
                assert_same_as_scanned(sample.protocol, &frames);
            }
        }
    }
}

#[test]
fn template_is_made_of_a_frame_with_content_alone() {
    for (protocol, frame) in FRAMES {
        let frame = framed(protocol, frame);
        for line_end in ["\n", "\r\n"] {
            let frame = frame.replace('\n', line_end);
            let mut reader = ReplyReader::new(protocol);
            reader.read(frame.as_bytes());
            reader.read(frame.as_bytes());
            // A carriage return is not a part of an object.
            let is_made = line_end == "\n" || protocol != Protocol::Ollama;
            assert_eq!(reader.has_template(), is_made, "{frame:?}");
        }
    }
}

#[test]
fn template_is_not_made_of_a_frame_that_counts_or_ends_a_reply() {
    for (protocol, frame) in [
        (
            Protocol::OpenAi,
            r#"{"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#,
        ),
        (
            Protocol::OpenAi,
            r#"{"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}],"usage":null}"#,
        ),
        (Protocol::OpenAi, r#"{"choices":[{"delta":{"content":"a"}}],"error":{"type":"x"}}"#),
        (Protocol::OpenAi, r#"{"choices":[{"delta":{"content":""}}]}"#),
        (Protocol::OpenAi, r#"{"choices":[{"delta":{"content":"a"}}]"#),
        (Protocol::Anthropic, r#"{"type":"message_stop"}"#),
        (
            Protocol::Gemini,
            r#"{"candidates":[{"content":{"parts":[{"text":"a"}]}}],"usageMetadata":{"promptTokenCount":1}}"#,
        ),
    ] {
        let mut reader = ReplyReader::new(protocol);
        for _ in 0..3 {
            reader.read(event(frame).as_bytes());
            assert!(!reader.has_template(), "{frame}");
        }
    }
}

#[test]
fn template_allows_each_value_that_has_differed() {
    let frame = |number: u32| {
        let frame = RESPONSES.replace(":4,", &format!(":{number},"));
        event(&frame.replace("\"x\"", &format!("\"{}\"", "x".repeat(number as usize))))
    };
    let mut reader = ReplyReader::new(Protocol::OpenAi);
    for number in 1..20 {
        reader.read(frame(number).as_bytes());
    }
    let mut cut = frame(20).into_bytes();
    cut.truncate(cut.len() - 3);
    assert!(reader.has_template());
    assert!(!reader.read(&cut).content, "the object is not closed");
    assert!(!reader.has_template(), "the template is discarded by a frame that does not match");
}

#[test]
fn template_is_given_up_if_frames_keep_differing() {
    let mut reader = ReplyReader::new(Protocol::OpenAi);
    let frame = |number: usize| event(&CHAT.replace("\"x\"", &"[1]".repeat(number)));
    let frame =
        |number: usize| frame(1).replace("[1]", &format!("[{}]", "1,".repeat(number) + "1"));
    let made = (0..100).filter(|number| {
        assert!(reader.read(frame(*number).as_bytes()).content);
        reader.has_template()
    });
    assert_eq!(made.count(), 32);
}

#[test]
fn template_matches_events_in_chunks_of_any_size() {
    let end = r#"{"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":9}}"#;
    let frames =
        TEXTS[1..9].iter().map(|text| event(&CHAT.replace(":\"a\"", &format!(":\"{text}\""))));
    let stream = frames.collect::<Vec<_>>().join(": comment\n\n") + &event(end) + &event("[DONE]");
    let whole = read_bytes(Protocol::OpenAi, [stream.as_bytes()]);
    assert_eq!(whole.reply.usage, read(Protocol::OpenAi, &event(end)).usage());
    assert_eq!(whole.reply.service_tier.as_deref(), Some("flex"));
    for size in 1..stream.len() {
        let chunks = stream.as_bytes().chunks(size);
        assert_eq!(read_bytes(Protocol::OpenAi, chunks), whole, "chunks of {size}");
    }
    for at in 0..stream.len() {
        let (first, second) = stream.as_bytes().split_at(at);
        assert_eq!(read_bytes(Protocol::OpenAi, [first, second]), whole, "split at {at}");
    }
}

/// A frame that is malformed counts neither as content nor as an answer.
#[test]
fn template_does_not_match_a_malformed_frame() {
    let start = concat!(
        "data: {\"type\":\"message_start\",\"message\":{\"model\":\"m\"}}\n\n",
        "data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"a\"}}\n\n",
    );
    let frame = |end: &str| {
        format!(
            "data: {{\"type\":\"content_block_delta\",\"delta\":{{\"type\":\"text_delta\",\"text\":\"a\"}}{end}\n\n"
        )
    };
    for (end, answer) in [("}", true), ("", false), (" x}", false)] {
        for size in [1, 7, 1_000] {
            let mut reader = ReplyReader::new(Protocol::Anthropic);
            let findings = reader.read(start.as_bytes());
            assert_eq!((findings.content, findings.answer), (true, false));
            let frame = frame(end);
            let found = frame.as_bytes().chunks(size).any(|chunk| reader.read(chunk).answer);
            assert_eq!(found, answer, "{frame} in chunks of {size}");
        }
    }
}

#[test]
fn template_keeps_what_a_skipped_frame_would_change() {
    let frame = |tier: &str| event(&CHAT.replace("flex", tier));
    let priority = frame("priority");
    let frames = [frame("flex"), frame("flex"), priority, frame("flex"), frame("flex")];
    let cut = event(&CHAT.replace("flex", "priority")[..100]);
    let with_cut = [frame("flex"), frame("flex"), cut, frame("flex")];
    for frames in [&frames[..], &with_cut] {
        assert_same_as_scanned(Protocol::OpenAi, frames);
    }
}
