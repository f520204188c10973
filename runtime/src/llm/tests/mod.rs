//! Tests of [`ReplyReader`].

mod anthropic;
mod bedrock;
mod billing;
mod chunk_splits;
mod cohere;
mod event_streams;

mod gemini;
mod malformed_input;
mod openai;
mod operations;
mod other_replies;
mod reasoning;
pub(crate) mod samples;
mod seeds;
mod table;
mod template;

use self::samples::{Expected, Sample};
use crate::llm::{ChunkFindings, Protocol, ReplyReader};

/// Reads all chunks. Returns the reader, what any of the chunks contained, and the number of chunks
/// with an error.
fn read_chunks<'a>(
    protocol: Protocol,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> (ReplyReader, ChunkFindings, usize) {
    let mut reader = ReplyReader::new(protocol);
    let mut all = ChunkFindings::default();
    let mut errors = 0;
    let mut add = |findings: ChunkFindings| {
        all.content |= findings.content;
        all.answer |= findings.answer;
        all.error |= findings.error;
        errors += usize::from(findings.error);
    };
    for chunk in chunks {
        add(reader.read(chunk));
    }
    add(reader.end());
    (reader, all, errors)
}

fn read(protocol: Protocol, bytes: &str) -> ReplyReader {
    read_chunks(protocol, [bytes.as_bytes()]).0
}

/// Asserts that the chunks of a sample yield what the sample expects.
fn check<'a>(
    sample: &Sample,
    protocol: Protocol,
    chunks: impl IntoIterator<Item = &'a [u8]>,
    case: &dyn std::fmt::Debug,
) {
    let (reader, findings, errors) = read_chunks(protocol, chunks);
    let expected = sample.expected.clone();
    let Expected { content, answer, error, ended, .. } = expected;
    let Expected { usage, model, finish_reason, operation, unparsed, .. } = expected;
    let name = sample.name;
    assert_eq!(findings.content, content, "content of {name}, {case:?}");
    assert_eq!(findings.answer, content && answer, "answer of {name}, {case:?}");
    assert_eq!(errors, usize::from(error.is_some()), "errors of {name}, {case:?}");
    assert_eq!(reader.failed(), error.is_some(), "failure of {name}, {case:?}");
    let error_type = reader.error_type().unwrap_or("");
    assert_eq!(error_type, error.unwrap_or(""), "error type of {name}, {case:?}");
    // An error alone does not show the protocol.
    let ended = ended && reader.has_end_marker();
    assert_eq!(reader.ended(), ended, "end of {name}, {case:?}");
    assert_eq!(reader.usage(), usage, "usage of {name}, {case:?}");
    assert_eq!(reader.model(), model, "model of {name}, {case:?}");
    assert_eq!(reader.finish_reason(), finish_reason, "finish reason of {name}, {case:?}");
    assert_eq!(reader.operation(), operation, "operation of {name}, {case:?}");
    assert_eq!(reader.is_streamed(), !sample.is_object(), "delivery of {name}, {case:?}");
    assert_eq!(reader.unparsed(), unparsed, "unparsed usage of {name}, {case:?}");
}
