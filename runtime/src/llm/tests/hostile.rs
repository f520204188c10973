//! Bytes that mean no good: no panic, no wrong sum, and the memory of one reader.

use std::fmt::Write;

use super::{check, read, read_pieces, samples};
use crate::llm::Protocol;
use crate::llm::Reader;
use crate::usage::Usage;

const PROTOCOLS: [Protocol; 6] = [
    Protocol::Auto,
    Protocol::OpenAi,
    Protocol::Anthropic,
    Protocol::Gemini,
    Protocol::Ollama,
    Protocol::Bedrock,
];

/// Marsaglia's xorshift: the same numbers on every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap_or_default()
    }
}

#[test]
fn a_reader_is_small() {
    assert!(size_of::<Reader>() <= 1_536, "{}", size_of::<Reader>());
}

#[test]
fn random_bytes() {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    // Bytes that mean something, so that all states are reached.
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
            let (whole, ..) = read_pieces(protocol, [&bytes[..]]);
            let (split, ..) = read_pieces(protocol, bytes.chunks(size));
            assert_eq!(whole.usage(), split.usage());
            assert_eq!(whole.unparsed(), split.unparsed(), "{}", bytes.escape_ascii());
        }
    }
}

#[test]
fn samples_with_bytes_changed_or_missing() {
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
            let (whole, seen, _) = read_pieces(sample.protocol, [&bytes[..]]);
            let (split, split_seen, _) = read_pieces(sample.protocol, bytes.chunks(size));
            let text = bytes.escape_ascii();
            assert_eq!(whole.usage(), split.usage(), "{text}");
            assert_eq!(whole.model(), split.model(), "{text}");
            assert_eq!(whole.finish_reason(), split.finish_reason(), "{text}");
            assert_eq!(whole.unparsed(), split.unparsed(), "{text}");
            assert_eq!(whole.ended(), split.ended(), "{text}");
            assert_eq!(seen.content, split_seen.content, "{text}");
        }
    }
}

#[test]
fn counts_that_are_none() {
    let huge = "9".repeat(400);
    for odd in [
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
            "{{\"choices\":[],\"usage\":{{\"prompt_tokens\":{odd},\"completion_tokens\":3}}}}"
        );
        let usage = read(Protocol::Auto, &text).usage();
        assert_eq!(usage, Usage::from_counts(None, Some(3), None, None, None), "{odd}");
        let text = format!("{{\"choices\":[],\"usage\":{{\"prompt_tokens\":{odd}}}}}");
        let reader = read(Protocol::Auto, &text);
        assert_eq!(reader.usage(), None, "{odd}");
        assert!(reader.unparsed(), "{odd}");
    }
    // Whole numbers are numbers in languages that have only one kind of them.
    let text = r#"{"choices":[],"usage":{"prompt_tokens":10.0,"completion_tokens":3e2}}"#;
    assert_eq!(read(Protocol::Auto, text).usage(), Some(Usage::new(10, 300)));
    // One that would wrap a counter around is none either.
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
fn totals_that_say_nothing() {
    for total in ["-1", "0", "29", "30", "null", "\"99\"", "18446744073709551615"] {
        let counts =
            format!("\"prompt_tokens\":10,\"completion_tokens\":20,\"total_tokens\":{total}");
        let text = format!("{{\"choices\":[],\"usage\":{{{counts}}}}}");
        assert_eq!(read(Protocol::Auto, &text).usage(), Some(Usage::new(10, 20)), "{total}");
    }
    // Of embeddings a total is no output.
    let text = r#"{"choices":[],"usage":{"prompt_tokens":10,"total_tokens":30}}"#;
    let input = Usage::from_counts(Some(10), None, None, None, None);
    assert_eq!(read(Protocol::Auto, text).usage(), input);
    let text = r#"{"choices":[],"usage":{"total_tokens":30}}"#;
    assert_eq!(read(Protocol::Auto, text).usage(), None);
}

#[test]
fn usage_that_is_none() {
    for (odd, unparsed) in [
        ("null", false),
        ("5", true),
        ("\"5\"", true),
        ("[]", false),
        ("{}", false),
        ("[5]", true),
        ("{\"cost\":5}", true),
    ] {
        let reader = read(Protocol::OpenAi, &format!("{{\"choices\":[],\"usage\":{odd}}}"));
        assert_eq!((reader.usage(), reader.unparsed()), (None, unparsed), "{odd}");
    }
}

#[test]
fn keys_that_come_twice() {
    let reader = read(
        Protocol::OpenAi,
        r#"{"choices":[],"usage":{"prompt_tokens":5,"prompt_tokens":3,"completion_tokens":1},"usage":{"prompt_tokens":4},"usage":null}"#,
    );
    assert_eq!(reader.usage(), Some(Usage::new(5, 1)));
}

#[test]
fn usage_elsewhere_is_not_counted() {
    for elsewhere in [
        r#"{"choices":[{"message":{"content":"a","usage":{"prompt_tokens":9}},"usage":{"prompt_tokens":9}}]}"#,
        r#"{"choices":[],"data":{"usage":{"prompt_tokens":9}},"x":[{"usage":{"prompt_tokens":9}}]}"#,
        r#"[{"choices":[],"usage":{"prompt_tokens":9}}]"#,
        r#"{"choices":[],"a":[[[[[[[[[[{"usage":{"prompt_tokens":9}}]]]]]]]]]]}"#,
        r#""usage":{"prompt_tokens":9}"#,
        r#"{"choices":[],"prompt_tokens":9,"message":{"usage":{"prompt_tokens":9}}}"#,
    ] {
        let reader = read(Protocol::OpenAi, elsewhere);
        assert_eq!((reader.usage(), reader.unparsed()), (None, false), "{elsewhere}");
    }
}

#[test]
fn broken_json_that_may_have_had_usage() {
    for (broken, unparsed) in [
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
        for text in [broken.to_owned(), format!("data: {broken}\n\n")] {
            for size in [1, 7, text.len()] {
                let (reader, ..) = read_pieces(Protocol::OpenAi, text.as_bytes().chunks(size));
                assert_eq!((reader.usage(), reader.unparsed()), (None, unparsed), "{text}");
            }
        }
    }
}

/// A text whose lines are not escaped, as they must be, is no place where an object begins.
#[test]
fn lines_of_a_broken_text_are_no_frames() {
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
                let (reader, ..) = read_pieces(protocol, text.as_bytes().chunks(size));
                assert_eq!(reader.usage(), None, "{protocol:?}: {text}");
                assert!(reader.unparsed(), "{protocol:?}: {text}");
            }
        }
    }
}

#[test]
fn a_broken_event_does_not_spoil_the_next() {
    let reader = read(
        Protocol::Auto,
        "data: {\"choices\":[\n\ndata: nonsense\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\
         \"completion_tokens\":2}}\n\ndata: [DONE]\n\n",
    );
    assert_eq!(reader.usage(), Some(Usage::new(1, 2)));
    assert!(reader.ended());
}

#[test]
fn a_reply_of_ten_megabytes() {
    let mut reply = String::from("{\"model\":\"m\",\"choices\":[{\"message\":{\"content\":\"");
    while reply.len() < 10_000_000 {
        let _ = write!(reply, "\\\"usage\\\":{{\\\"prompt_tokens\\\":{}}} ä\\n", reply.len());
    }
    reply.push_str(
        "\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":8}}",
    );
    for size in [1 << 10, 1 << 16, reply.len()] {
        let (reader, seen, _) = read_pieces(Protocol::Auto, reply.as_bytes().chunks(size));
        assert_eq!(reader.usage(), Some(Usage::new(7, 8)));
        assert_eq!(reader.model(), Some("m"));
        assert!(seen.content && reader.ended() && !reader.unparsed());
    }
}

#[test]
fn lines_without_end() {
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
        let mut reader = Reader::new(Protocol::Auto);
        reader.read(start.as_bytes());
        for _ in 0..4 {
            let seen = reader.read(&filler);
            assert!(!seen.content && !seen.error);
        }
        assert_eq!(reader.usage(), None);
        reader.end();
    }
    let deep = "{\"choices\":".to_owned() + &"[".repeat(1 << 20);
    assert_eq!(read(Protocol::Auto, &deep).usage(), None);
}

#[test]
fn bytes_that_are_no_text() {
    let mut bytes = b"data: {\"model\":\"\xFF\xFE\",\"choices\":[{\"delta\":{\"content\":\"\xC3\"}}],\"\xF0\x9F\":1,\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n\n".to_vec();
    bytes.extend_from_slice(b"data: [DONE]\n\n");
    for size in 1..bytes.len() {
        let (reader, seen, _) = read_pieces(Protocol::Auto, bytes.chunks(size));
        assert_eq!(reader.usage(), Some(Usage::new(3, 4)));
        assert_eq!(reader.model(), None);
        assert!(seen.content && reader.ended());
    }
}

#[test]
fn names_of_models() {
    let long = "m".repeat(1_000);
    for (sent, model) in [
        ("", None),
        (&*long, None),
        ("a\\u002fb\\/c", Some("a/b/c")),
        ("grün \\ud83d\\ude00", Some("grün 😀")),
        ("\\ud83d", None),
    ] {
        let text = format!("{{\"model\":\"{sent}\",\"choices\":[]}}");
        for size in [1, 3, text.len()] {
            let (reader, ..) = read_pieces(Protocol::Auto, text.as_bytes().chunks(size));
            assert_eq!(reader.model(), model, "{sent}");
        }
    }
    let error = format!("{{\"error\":{{\"type\":\"{}\",\"code\":\"no spaces\"}}}}", "e".repeat(65));
    assert_eq!(read(Protocol::Auto, &error).error(), None);
}

#[test]
fn nothing_at_all() {
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
        &"empty pieces",
    );
}
