//! The page on its way to a scraper.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::coding::Coding;
use super::page::Page;
use crate::metrics::ScrapePermit;

/// A page that is written as it is read. As long as there is something left of it, it counts as a scrape.
pub(super) struct PageBody {
    page: Page,
    /// What has been written already.
    next: Option<Bytes>,
    coding: Coding,
    _permit: ScrapePermit,
}

impl PageBody {
    /// Begins a page, in this coding; a short one is written at once.
    pub(super) fn new(page: Page, coding: Coding, permit: ScrapePermit) -> Self {
        let mut body = Self { page, coding, next: None, _permit: permit };
        body.next = body.piece();
        body
    }

    /// The length, where the page is short.
    pub(super) fn length(&self) -> Option<u64> {
        let next = self.next.as_ref().map_or(0, |piece| piece.len() as u64);
        self.page.has_ended().then_some(next)
    }

    /// Writes on, to the next piece that is not empty.
    fn piece(&mut self) -> Option<Bytes> {
        while let Some(piece) = self.page.piece() {
            let piece = self.coding.coded(piece, self.page.has_ended());
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
        let piece = self.next.take().or_else(|| self.piece());
        Poll::Ready(piece.map(Frame::data).map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.next.is_none() && self.page.has_ended()
    }

    fn size_hint(&self) -> SizeHint {
        self.length().map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
