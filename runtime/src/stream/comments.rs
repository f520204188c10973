//! Comments of an event stream, which keep the connection alive and are no chunks.

/// Tells, item by item, which ones are comments and nothing else.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Comments {
    /// No event has begun, or the last one has ended.
    #[default]
    Between,
    /// What comes next belongs to an event that has begun in an item before.
    InEvent,
    /// What comes next belongs to a comment that has begun in an item before.
    InComment,
}

impl Comments {
    /// Whether this item is a comment.
    pub(super) fn take(&mut self, item: &[u8]) -> bool {
        if item.is_empty() {
            return false;
        }
        let rest = match self {
            Self::InComment => after_line(item),
            _ => item,
        };
        let is_comment = match self {
            Self::Between => is_comment(item),
            Self::InComment => rest.is_empty() || is_comment(rest),
            Self::InEvent => false,
        };
        let line_ended = item.last().copied().is_some_and(is_line_end);
        *self = match is_comment {
            true if line_ended => Self::Between,
            true => Self::InComment,
            false if ends_event(item) => Self::Between,
            false => Self::InEvent,
        };
        is_comment
    }
}

/// Whether each line is empty or begins with a colon.
fn is_comment(item: &[u8]) -> bool {
    // Most items tell by their first byte.
    let may_be = item.first().is_some_and(|first| *first == b':' || is_line_end(*first));
    may_be
        && item
            .split(|byte| is_line_end(*byte))
            .all(|line| line.first().is_none_or(|first| *first == b':'))
}

fn is_blank(item: &[u8]) -> bool {
    item.iter().copied().all(is_line_end)
}

/// Whether an item ends with a blank line, or is one.
fn ends_event(item: &[u8]) -> bool {
    is_blank(item) || [b"\n\n".as_slice(), b"\r\r", b"\n\r\n"].iter().any(|end| item.ends_with(end))
}

/// What follows the line that an item begins in.
fn after_line(item: &[u8]) -> &[u8] {
    let end = item.iter().copied().position(is_line_end).unwrap_or(item.len());
    &item[end..]
}

const fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

#[cfg(test)]
mod tests {
    use super::Comments;

    /// Which of the items are comments.
    fn comments<const N: usize>(items: [&str; N]) -> [bool; N] {
        let mut comments = Comments::default();
        items.map(|item| comments.take(item.as_bytes()))
    }

    #[test]
    fn a_comment_is_told_from_an_event() {
        assert_eq!(comments([":\n\n", ": a\n\n", "data: a\n\n"]), [true, true, false]);
        assert_eq!(comments([": a\r\n\r\n", ": a\ndata: b\n\n", ": a\n"]), [true, false, true]);
    }

    #[test]
    fn what_ends_an_event_is_no_comment() {
        assert_eq!(comments(["data: a\n", "\n", ": a\n\n"]), [false, false, true]);
        assert_eq!(comments(["data: a", "\r\n\r\n", ":\n\n"]), [false, false, true]);
        assert_eq!(comments(["data: a\n\n", "\n", "\r\n"]), [false, true, true]);
    }

    #[test]
    fn what_goes_on_with_an_event_is_no_comment() {
        assert_eq!(comments(["data: a", ": b\n\n", ": b\n\n"]), [false, false, true]);
    }

    #[test]
    fn a_comment_may_be_split() {
        assert_eq!(comments([": a", "b", "c\n\n", "data: d\n\n"]), [true, true, true, false]);
        assert_eq!(comments([": a", "b\ndata: c\n\n", ":\n\n"]), [true, false, true]);
    }

    #[test]
    fn an_empty_item_is_no_comment() {
        assert_eq!(comments(["", ":\n\n"]), [false, true]);
        assert_eq!(comments(["data: a", "", ": b\n\n"]), [false, false, false]);
    }
}
