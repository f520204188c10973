mod hostile;
mod samples;
mod splits;
mod values;

use self::samples::{Sample, Told};
use crate::llm::Protocol;
use crate::llm::{Reader, Seen};

/// Reads the pieces, and what has been seen in any of them.
fn read_pieces<'a>(
    protocol: Protocol,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Reader, Seen, usize) {
    let mut reader = Reader::new(protocol);
    let mut all = Seen { comment_only: true, ..Seen::default() };
    let mut errors = 0;
    let mut take = |seen: Seen| {
        all.content |= seen.content;
        all.error |= seen.error;
        errors += usize::from(seen.error);
    };
    for piece in pieces {
        take(reader.read(piece));
    }
    take(reader.end());
    (reader, all, errors)
}

fn read(protocol: Protocol, bytes: &str) -> Reader {
    read_pieces(protocol, [bytes.as_bytes()]).0
}

/// Checks what the pieces of a sample have told.
fn check<'a>(
    sample: &Sample,
    protocol: Protocol,
    pieces: impl IntoIterator<Item = &'a [u8]>,
    how: &dyn std::fmt::Debug,
) {
    let (reader, seen, errors) = read_pieces(protocol, pieces);
    let Told { content, error, ended, usage, model, finish, unparsed } = sample.told.clone();
    let name = sample.name;
    assert_eq!(seen.content, content, "content of {name}, {how:?}");
    assert_eq!(errors, usize::from(error.is_some()), "errors of {name}, {how:?}");
    assert_eq!(reader.failed(), error.is_some(), "failure of {name}, {how:?}");
    assert_eq!(reader.error().unwrap_or(""), error.unwrap_or(""), "error of {name}, {how:?}");
    // An error alone does not tell whose it is.
    let ended = ended && reader.has_end_marker();
    assert_eq!(reader.ended(), ended, "end of {name}, {how:?}");
    assert_eq!(reader.usage(), usage, "usage of {name}, {how:?}");
    assert_eq!(reader.model(), model, "model of {name}, {how:?}");
    assert_eq!(reader.finish_reason(), finish, "finish reason of {name}, {how:?}");
    assert_eq!(reader.unparsed(), unparsed, "what was not parsed of {name}, {how:?}");
}
