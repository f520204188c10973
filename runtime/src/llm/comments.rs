//! The comments of an event stream, such as keep-alive comments, which are no payload.

use memchr::memchr2_iter;

use super::sse::{SseParser, skip_preamble};

/// Counts the bytes of comments in the chunks of an event stream.
///
/// For streams without a `protocol`, of which nothing else is read.
#[derive(Debug)]
pub(crate) struct CommentCounter {
    parser: SseParser,
    /// How much of a byte order mark has been read. `None` once the first line has begun.
    preamble: Option<usize>,
}

impl CommentCounter {
    pub(crate) const fn new() -> Self {
        Self { parser: SseParser::new(), preamble: Some(0) }
    }

    /// Returns how many bytes of the next chunk of the stream belong to comments: the lines of
    /// comments, and blank lines that end no event.
    pub(crate) fn count(&mut self, chunk: &[u8]) -> usize {
        let (mut rest, mut comment_bytes) = (chunk, 0);
        if let Some(mark_bytes) = &mut self.preamble {
            (rest, comment_bytes) = skip_preamble(chunk, mark_bytes);
            if rest.is_empty() {
                return comment_bytes;
            }
            self.preamble = None;
        }
        if self.parser.is_between_events() && is_without_comments(rest) {
            // Nearly all chunks are whole events. They leave the parser between events.
            return comment_bytes;
        }
        while self.parser.next(&mut rest).is_some() {}
        comment_bytes + self.parser.take_comment_bytes()
    }
}

/// Returns whether a chunk that begins between two events consists of whole events without
/// comments. Lines that end with a carriage return are left to the parser.
fn is_without_comments(chunk: &[u8]) -> bool {
    let Some(lines) = chunk.strip_suffix(b"\n\n") else { return false };
    !matches!(lines.first(), None | Some(b':' | b'\r' | b'\n'))
        && memchr2_iter(b'\n', b'\r', lines)
            .all(|at| !matches!(&chunk[at..], [b'\r', ..] | [_, b':', ..] | [_, b'\n', b'\n', ..]))
}

#[cfg(test)]
mod tests {
    use super::CommentCounter;
    use crate::llm::{Protocol, ReplyReader};

    /// Returns the bytes of comments in each chunk, for a stream without and with a protocol.
    fn count<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> [Vec<usize>; 2] {
        let mut counter = CommentCounter::new();
        let mut reader = ReplyReader::new(Protocol::Auto);
        let counts = chunks
            .into_iter()
            .map(|chunk| (counter.count(chunk), reader.read(chunk).comment_bytes));
        let (without, with) = counts.unzip();
        [without, with]
    }

    #[track_caller]
    fn assert_counts<const N: usize>(chunks: [&str; N], expected: [usize; N]) {
        let counts = count(chunks.iter().map(|chunk| chunk.as_bytes()));
        assert_eq!(counts, [expected.to_vec(), expected.to_vec()], "{chunks:?}");
    }

    #[test]
    fn comments_include_their_line_ends_and_blank_lines() {
        assert_counts([":\n\n", ": a\n\n", "data: a\n\n"], [3, 5, 0]);
        assert_counts([": a\r\n\r\n", ": a\ndata: b\n\n", ": a\n"], [7, 4, 4]);
        assert_counts(["data: a\n: b\n\n", "data: a\n\n: b\n\n"], [4, 5]);
    }

    #[test]
    fn comments_exclude_the_line_end_of_an_event() {
        assert_counts(["data: a\n", "\n", ": a\n\n"], [0, 0, 5]);
        assert_counts(["data: a", "\r\n\r\n", ":\n\n"], [0, 0, 3]);
        assert_counts(["data: a\r", "\n", "\r\n", "\n"], [0, 0, 0, 1]);
        assert_counts(["data: a", "\n", "\n", "\n"], [0, 0, 0, 1]);
        assert_counts(["data: a\n\n", "\n", "\r\n"], [0, 1, 2]);
        assert_counts(["data: a\n\n\n", "a\n\n\ndata: b\n\n"], [1, 1]);
    }

    #[test]
    fn comments_exclude_colons_within_a_line() {
        assert_counts(["data: a", ": b\n\n", ": b\n\n"], [0, 0, 5]);
        assert_counts(["data: a\ndata::\n\n", "data: a\n:data\n\n"], [0, 6]);
    }

    #[test]
    fn comments_may_be_split() {
        assert_counts([": a", "b", "c\n\n", "data: d\n\n"], [3, 1, 3, 0]);
        assert_counts([": a", "b\ndata: c\n\n", ":\n\n"], [3, 2, 3]);
        assert_counts(["", ":\n\n"], [0, 3]);
        assert_counts(["data: a", "", ": b\n\n"], [0, 0, 0]);
    }

    #[test]
    fn comments_may_follow_a_byte_order_mark() {
        assert_counts(["\u{feff}: a\n\ndata: b\n\n"], [5]);
        assert_counts(["\n", " \u{feff}\r\n", ": a\n\n"], [1, 2, 5]);
    }

    #[test]
    fn comments_have_the_same_size_however_the_stream_is_split() {
        for line_end in ["\n", "\r\n", "\r"] {
            let stream = "\u{feff}\n: a\n\n:b:\nevent: c\n: d\ndata: {\"id\":\ndata: 1}\n:\n\n\n: PROCESSING\n\n\
                          data:\n\nretry: 3\n\ndata: [DONE]\n\n\n:\n: \u{e4}";
            let stream = stream.replace('\n', line_end);
            let bytes = stream.as_bytes();
            let [whole, with_protocol] = count([bytes]);
            assert_eq!(whole, with_protocol, "{line_end:?}");
            let text = ": a:b:: d:: PROCESSING:: \u{e4}".len();
            // The line ends of the comments, and the blank lines that end no event.
            assert_eq!(whole, [text + (6 + 5) * line_end.len()], "{line_end:?}");
            for at in 0..=bytes.len() {
                let (first, second) = bytes.split_at(at);
                for counts in count([first, second]) {
                    assert_eq!(counts.iter().sum::<usize>(), whole[0], "{line_end:?} at {at}");
                }
            }
            for size in 1..bytes.len() {
                for counts in count(bytes.chunks(size)) {
                    assert_eq!(counts.iter().sum::<usize>(), whole[0], "{line_end:?} by {size}");
                }
            }
        }
    }
}
