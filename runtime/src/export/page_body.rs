//! A metrics page as a response body.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::content_encoding::ContentEncoding;
use super::page::Page;
use crate::metrics::ScrapePermit;

/// A page that is written as its client reads it. The body holds a scrape permit until it is
/// dropped.
pub(super) struct PageBody {
    page: Page,
    /// The piece that the next poll returns, if it has been written already.
    next: Option<Bytes>,
    encoding: ContentEncoding,
    _permit: ScrapePermit,
}

impl PageBody {
    /// Starts a page and writes its first piece. A short page has only this piece.
    pub(super) fn new(page: Page, encoding: ContentEncoding, permit: ScrapePermit) -> Self {
        let mut body = Self { page, encoding, next: None, _permit: permit };
        body.next = body.next_piece();
        body
    }

    /// Returns the length of a page of one piece. The length of a longer page is not known yet.
    pub(super) fn length(&self) -> Option<u64> {
        let next = self.next.as_ref().map_or(0, |piece| piece.len() as u64);
        self.page.has_ended().then_some(next)
    }

    /// Writes until there is a piece to send.
    fn next_piece(&mut self) -> Option<Bytes> {
        while let Some(piece) = self.page.next_piece() {
            let piece = self.encoding.encode(piece, self.page.has_ended());
            if !piece.is_empty() {
                return Some(piece.into());
            }
        }
        None
    }
}

impl Body for PageBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.next.take().or_else(|| self.next_piece());
        Poll::Ready(piece.map(Frame::data).map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.next.is_none() && self.page.has_ended()
    }

    fn size_hint(&self) -> SizeHint {
        self.length().map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
