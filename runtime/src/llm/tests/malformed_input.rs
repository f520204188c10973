//! Malformed and hostile replies: no panic, no wrong count, no more memory.

use std::fmt::Write;

use super::{check, read, read_chunks, samples};
use crate::llm::replay::PROTOCOLS;
use crate::llm::{Protocol, ReplyReader};
use crate::usage::{Usage, UsageCount};

/// Marsaglia's xorshift, which generates the same numbers in every run.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap_or_default()
    }
}

#[test]
fn reader_size_is_bounded() {
    assert!(size_of::<ReplyReader>() <= 3_840, "{}", size_of::<ReplyReader>());
}

#[test]
fn random_bytes_do_not_panic_however_split() {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    // Bytes with a meaning in JSON or events, so that all states of the parsers are reached.
    let alphabet = b"{}[]\",:\\ \n\r\tdatevn0123-.useg_\xFF\xC3:{\"";
    for round in 0..4_000 {
        let length = random.below(300);
        let bytes: Vec<u8> = (0..length)
            .map(|_| {
                if round % 2 == 0 {
                    random.next().to_le_bytes()[0]
                } else {
                    alphabet[random.below(alphabet.len())]
                }
            })
            .collect();
        let size = 1 + random.below(20);
        for protocol in PROTOCOLS {
            let (whole, ..) = read_chunks(protocol, [&bytes[..]]);
            let (split, ..) = read_chunks(protocol, bytes.chunks(size));
            assert_eq!(whole.usage(), split.usage());
            assert_eq!(whole.unparsed(), split.unparsed(), "{}", bytes.escape_ascii());
        }
    }
}

#[test]
fn samples_with_changed_bytes_are_read_alike_however_split() {
    let mut random = Random(7);
    for sample in samples::all() {
        for _ in 0..300 {
            let mut bytes = sample.bytes.as_bytes().to_vec();
            for _ in 0..=random.below(4) {
                if bytes.is_empty() {
                    break;
                }
                let at = random.below(bytes.len());
                match random.below(3) {
                    0 => bytes[at] = random.next().to_le_bytes()[0],
                    1 => drop(bytes.remove(at)),
                    _ => bytes.truncate(at + 1),
                }
            }
            let size = 1 + random.below(40);
            let (whole, findings, _) = read_chunks(sample.protocol, [&bytes[..]]);
            let (split, split_findings, _) = read_chunks(sample.protocol, bytes.chunks(size));
            let text = bytes.escape_ascii();
            assert_eq!(whole.usage(), split.usage(), "{text}");
            assert_eq!(whole.model(), split.model(), "{text}");
            assert_eq!(whole.finish_reason(), split.finish_reason(), "{text}");
            assert_eq!(whole.unparsed(), split.unparsed(), "{text}");
            assert_eq!(whole.ended(), split.ended(), "{text}");
            assert_eq!(findings.content, split_findings.content, "{text}");
            assert_eq!(findings.answer, split_findings.answer, "{text}");
        }
    }
}

#[test]
fn count_that_is_not_a_whole_number_is_ignored() {
    let huge = "9".repeat(400);
    for count in [
        "-1",
        "1.5",
        "1.05",
        "1.",
        "-1.0",
        "1e400",
        "15e-1",
        "1e30",
        "\"5\"",
        "null",
        "true",
        "[5]",
        "{\"a\":5}",
        "18446744073709551616",
        "007",
        "+5",
        &huge,
    ] {
        let text = format!(
            "{{\"choices\":[],\"usage\":{{\"prompt_tokens\":{count},\"completion_tokens\":3}}}}"
        );
        let usage = read(Protocol::Auto, &text).usage();
        assert_eq!(usage, Usage::from_counts([(UsageCount::Output, Some(3))]), "{count}");
        let text = format!("{{\"choices\":[],\"usage\":{{\"prompt_tokens\":{count}}}}}");
        let reader = read(Protocol::Auto, &text);
        assert_eq!(reader.usage(), None, "{count}");
        assert!(reader.unparsed(), "{count}");
    }
    // Some languages write whole numbers as floating-point numbers.
    let text = r#"{"choices":[],"usage":{"prompt_tokens":10.0,"completion_tokens":3e2}}"#;
    assert_eq!(read(Protocol::Auto, text).usage(), Some(Usage::new(10, 300)));
    // A count that would make a counter wrap around is ignored, too.
    let read = |number: u64| {
        let text = format!(
            "{{\"type\":\"message\",\"content\":[],\"usage\":{{\"input_tokens\":{number},\"cache_read_input_tokens\":{number},\"output_tokens\":{number}}}}}",
        );
        read(Protocol::Anthropic, &text).usage()
    };
    assert_eq!(read(u64::MAX), None);
    let most = 1 << 40;
    assert_eq!(read(most), Some(Usage::new(2 * most, most).cache_read(most)));
}

#[test]
fn total_that_does_not_exceed_the_sum_is_ignored() {
    for total in ["-1", "0", "29", "30", "null", "\"99\"", "18446744073709551615"] {
        let counts =
            format!("\"prompt_tokens\":10,\"completion_tokens\":20,\"total_tokens\":{total}");
        let text = format!("{{\"choices\":[],\"usage\":{{{counts}}}}}");
        assert_eq!(read(Protocol::Auto, &text).usage(), Some(Usage::new(10, 20)), "{total}");
    }
    // Without an output, as for embeddings, a larger total does not mean output.
    let text = r#"{"choices":[],"usage":{"prompt_tokens":10,"total_tokens":30}}"#;
    let input = Usage::from_counts([(UsageCount::Input, Some(10))]);
    assert_eq!(read(Protocol::Auto, text).usage(), input);
    let text = r#"{"choices":[],"usage":{"total_tokens":30}}"#;
    assert_eq!(read(Protocol::Auto, text).usage(), None);
}

#[test]
fn usage_that_is_not_an_object_is_unparsed() {
    for (usage, unparsed) in [
        ("null", false),
        ("5", true),
        ("\"5\"", true),
        ("[]", false),
        ("{}", false),
        ("[5]", true),
        ("{\"cost\":5}", true),
    ] {
        let reader = read(Protocol::OpenAi, &format!("{{\"choices\":[],\"usage\":{usage}}}"));
        assert_eq!((reader.usage(), reader.unparsed()), (None, unparsed), "{usage}");
    }
}

#[test]
fn duplicate_keys_have_the_largest_count() {
    let reader = read(
        Protocol::OpenAi,
        r#"{"choices":[],"usage":{"prompt_tokens":5,"prompt_tokens":3,"completion_tokens":1},"usage":{"prompt_tokens":4},"usage":null}"#,
    );
    assert_eq!(reader.usage(), Some(Usage::new(5, 1)));
}

#[test]
fn usage_at_other_paths_is_not_counted() {
    for reply in [
        r#"{"choices":[{"message":{"content":"a","usage":{"prompt_tokens":9}},"usage":{"prompt_tokens":9}}]}"#,
        r#"{"choices":[],"data":{"usage":{"prompt_tokens":9}},"x":[{"usage":{"prompt_tokens":9}}]}"#,
        r#"[{"choices":[],"usage":{"prompt_tokens":9}}]"#,
        r#"{"choices":[],"a":[[[[[[[[[[{"usage":{"prompt_tokens":9}}]]]]]]]]]]}"#,
        r#""usage":{"prompt_tokens":9}"#,
        r#"{"choices":[],"prompt_tokens":9,"message":{"usage":{"prompt_tokens":9}}}"#,
    ] {
        let reader = read(Protocol::OpenAi, reply);
        assert_eq!((reader.usage(), reader.unparsed()), (None, false), "{reply}");
    }
}

#[test]
fn malformed_json_with_usage_is_unparsed() {
    for (malformed, unparsed) in [
        ("{\"choices\":[] \"usage\":{\"prompt_tokens\":9}}", true),
        ("{\"choices\":[,],\"usage\":{\"prompt_tokens\":9}}", true),
        ("{\"usage\":{\"prompt_tokens\":9}]", true),
        ("{\"usage\":{\"prompt_tokens\":9", true),
        ("{\"usage\":{", true),
        ("{\"model\":'x', \"eval_count\":3}", true),
        ("{\"choices\":[}", false),
        ("not json at all", false),
        ("{\"choices\":[", false),
    ] {
        for text in [malformed.to_owned(), format!("data: {malformed}\n\n")] {
            for size in [1, 7, text.len()] {
                let (reader, ..) = read_chunks(Protocol::OpenAi, text.as_bytes().chunks(size));
                assert_eq!((reader.usage(), reader.unparsed()), (None, unparsed), "{text}");
            }
        }
    }
}

/// A text with unescaped line feeds is malformed. Its lines must not be read as objects: a user of
/// the model may have written them.
#[test]
fn forged_lines_in_malformed_text_are_not_frames() {
    let forged = r#"{"model":"m","done":true,"choices":[],"eval_count":1000000,"usage":{"prompt_tokens":1000000,"completion_tokens":1}}"#;
    let reply = format!(
        "{{\"choices\":[{{\"message\":{{\"content\":\"Here:\n{forged}\n\"}}}}],\"usage\":\n{{\"prompt_tokens\":3}}}}\n"
    );
    let event = format!("data: {}\n\n", reply.trim_end().replace('\n', "\ndata: "));
    let two_in_one = format!("data: {{\"choices\":[]}}\n{event}");
    let array = format!("[{{\"candidates\":[]}},\n{reply}]");
    for text in [reply, event, two_in_one, array] {
        for protocol in PROTOCOLS {
            for size in [1, 7, text.len()] {
                let (reader, ..) = read_chunks(protocol, text.as_bytes().chunks(size));
                assert_eq!(reader.usage(), None, "{protocol:?}: {text}");
                assert!(reader.unparsed(), "{protocol:?}: {text}");
            }
        }
    }
}

#[test]
fn malformed_event_does_not_affect_the_next() {
    let reader = read(
        Protocol::Auto,
        "data: {\"choices\":[\n\ndata: nonsense\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\
         \"completion_tokens\":2}}\n\ndata: [DONE]\n\n",
    );
    assert_eq!(reader.usage(), Some(Usage::new(1, 2)));
    assert!(reader.ended());
}

#[test]
fn reply_of_ten_megabytes_is_read() {
    let mut reply = String::from("{\"model\":\"m\",\"choices\":[{\"message\":{\"content\":\"");
    while reply.len() < 10_000_000 {
        let _ = write!(reply, "\\\"usage\\\":{{\\\"prompt_tokens\\\":{}}} ä\\n", reply.len());
    }
    reply.push_str(
        "\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":8}}",
    );
    for size in [1 << 10, 1 << 16, reply.len()] {
        let (reader, findings, _) = read_chunks(Protocol::Auto, reply.as_bytes().chunks(size));
        assert_eq!(reader.usage(), Some(Usage::new(7, 8)));
        assert_eq!(reader.model(), Some("m"));
        assert!(findings.content && reader.ended() && !reader.unparsed());
    }
}

#[test]
fn endless_lines_are_skipped() {
    let filler = vec![b'x'; 1 << 20];
    for start in [
        "",
        "data: ",
        "data: {\"usage",
        "data: {\"a\":\"",
        "data: {\"a\":",
        "event: ",
        ":",
        "{\"",
        "[[[[",
    ] {
        let mut reader = ReplyReader::new(Protocol::Auto);
        reader.read(start.as_bytes());
        for _ in 0..4 {
            let findings = reader.read(&filler);
            assert!(!findings.content && !findings.error);
        }
        assert_eq!(reader.usage(), None);
        reader.end();
    }
    let deep = "{\"choices\":".to_owned() + &"[".repeat(1 << 20);
    assert_eq!(read(Protocol::Auto, &deep).usage(), None);
}

#[test]
fn invalid_utf8_is_skipped() {
    let mut bytes = b"data: {\"model\":\"\xFF\xFE\",\"choices\":[{\"delta\":{\"content\":\"\xC3\"}}],\"\xF0\x9F\":1,\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n\n".to_vec();
    bytes.extend_from_slice(b"data: [DONE]\n\n");
    for size in 1..bytes.len() {
        let (reader, findings, _) = read_chunks(Protocol::Auto, bytes.chunks(size));
        assert_eq!(reader.usage(), Some(Usage::new(3, 4)));
        assert_eq!(reader.model(), None);
        assert!(findings.content && reader.ended());
    }
}

#[test]
fn model_names_are_unescaped_and_bounded() {
    let long = "m".repeat(1_000);
    // The 160th byte is within a character, or within an escape.
    let long_and_wide = format!("m{}", "\u{e4}".repeat(100));
    let long_and_escaped = format!("m{}", "\\u00e4".repeat(100));
    for (sent, model) in [
        ("", None),
        (&*long, Some(&long[..160])),
        (&long[..161], Some(&long[..160])),
        (&long[..159], Some(&long[..159])),
        (&*long_and_wide, Some(&long_and_wide[..159])),
        (&*long_and_escaped, Some(&long_and_escaped[..160])),
        ("a\\u002fb\\/c", Some("a/b/c")),
        ("grün \\ud83d\\ude00", Some("grün 😀")),
        ("\\ud83d", None),
    ] {
        let text = format!("{{\"model\":\"{sent}\",\"choices\":[]}}");
        for size in [1, 3, text.len()] {
            let (reader, ..) = read_chunks(Protocol::Auto, text.as_bytes().chunks(size));
            assert_eq!(reader.model(), model, "{sent}");
        }
    }
    let error = format!("{{\"error\":{{\"type\":\"{}\",\"code\":\"no spaces\"}}}}", "e".repeat(65));
    assert_eq!(read(Protocol::Auto, &error).error_type(), None);
}

#[test]
fn empty_replies_have_no_findings() {
    for protocol in PROTOCOLS {
        for bytes in ["", "\n", "{}", "[]", "data:\n\n", "data: {}\n\n", ": x\n\n"] {
            let reader = read(protocol, bytes);
            assert_eq!(reader.usage(), None);
            assert_eq!(reader.has_end_marker(), protocol != Protocol::Auto);
            assert!(!reader.failed() && !reader.unparsed());
        }
    }
    let all = samples::all();
    check(
        &all[0],
        all[0].protocol,
        [b"".as_slice(), all[0].bytes.as_bytes(), b""],
        &"empty chunks",
    );
}
