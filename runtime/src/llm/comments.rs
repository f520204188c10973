//! Comments of an event stream of which nothing else is read.

use super::sse::Events;

/// Tells, item by item, which ones are comments and nothing else: they keep the connection alive.
#[derive(Debug)]
pub(crate) struct Comments(Events);

impl Comments {
    pub(crate) const fn new() -> Self {
        Self(Events::new())
    }

    /// Whether this item, the next of the stream, is a comment.
    pub(crate) fn take(&mut self, item: &[u8]) -> bool {
        let Some(first) = item.first() else { return false };
        let whole = item.ends_with(b"\n\n") && self.0.is_between();
        if whole && !matches!(first, b':' | b'\r' | b'\n') {
            // An event, as nearly all items are: what comes next is between events again.
            return false;
        }
        let mut rest = item;
        while self.0.next(&mut rest).is_some() {}
        !self.0.take_spoken()
    }
}

#[cfg(test)]
mod tests {
    use super::Comments;

    /// Which of the items are comments.
    fn comments<const N: usize>(items: [&str; N]) -> [bool; N] {
        let mut comments = Comments::new();
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
        assert_eq!(comments(["data: a\r", "\n", "\r\n", "\n"]), [false, false, false, true]);
        assert_eq!(comments(["data: a", "\n", "\n", "\n"]), [false, false, false, true]);
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
