//! A metrics page as a response body.

use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::Bytes;
use http_body::{Body, Frame, SizeHint};
use parking_lot::Mutex;

use super::EncodeError;
use super::content_encoding::ContentEncoding;
use super::page::Page;
use crate::metrics::{Admission, Discarded, Instance, OpenPage, Progress};
use crate::series::ScrapeRefusal;

/// Error of the body of a page that lost its place to another scrape.
#[derive(Debug, thiserror::Error)]
#[error(
    "the client has stopped reading the metrics page, which has made room for another scrape: see \
     the option `max_scrapes`"
)]
pub(super) struct LostPlace;

/// A page whose pieces are written as the client reads them. The body holds one of the places for
/// pages in progress until the last piece is written, or until another scrape takes the place.
pub(super) struct PageBody {
    page: Arc<SharedPage>,
    instance: &'static Instance,
}

/// The page, which the body shares with `ScrapeLimit`: the limit may drop the contents.
struct SharedPage(Mutex<PageState>);

struct PageState {
    contents: Contents,
    progress: Progress,
}

enum Contents {
    /// A part of the page is still to be written. `next` is the next piece if it is already
    /// written.
    Writing {
        page: Box<Page>,
        encoding: ContentEncoding,
        next: Option<Bytes>,
    },
    /// The whole page, which has only one piece.
    Written(Bytes),
    /// The contents were dropped to make room for another page.
    Lost,
    Ended,
}

/// The reasons why a scrape gets no page.
pub(super) enum NoPage {
    TooManyScrapes,
    Encode(EncodeError),
}

impl PageBody {
    /// Starts a page and writes its first piece. A short page has only this piece.
    ///
    /// # Errors
    ///
    /// All places are taken by pages that are being written or sent, or `start` fails.
    pub(super) fn new(
        instance: &'static Instance,
        encoding: ContentEncoding,
        start: impl FnOnce() -> Result<Page, EncodeError>,
    ) -> Result<Self, NoPage> {
        let now = Instant::now();
        let state = PageState { contents: Contents::Ended, progress: Progress::Started(now) };
        let page = Arc::new(SharedPage(Mutex::new(state)));
        // Locked before it has a place, so that no other scrape can take the place meanwhile.
        let mut state = page.0.lock();
        let admission = instance.scrape_limit().admit(Arc::<SharedPage>::clone(&page), now);
        match admission {
            Some(Admission::Free | Admission::Last) => {}
            Some(Admission::Taken) => {
                instance.endpoints().count_refused_scrape(ScrapeRefusal::Stalled);
            }
            None => {
                instance.endpoints().count_refused_scrape(ScrapeRefusal::TooMany);
                return Err(NoPage::TooManyScrapes);
            }
        }
        let body = Self { page: Arc::clone(&page), instance };
        state.contents = Contents::start(start().map_err(NoPage::Encode)?, encoding);
        if let Contents::Written(_) = state.contents {
            if instance.scrape_limit().note_written(Arc::<SharedPage>::clone(&page)) {
                instance.endpoints().count_refused_scrape(ScrapeRefusal::Stalled);
            }
        } else if admission == Some(Admission::Last) {
            instance.endpoints().declare_refused_scrapes();
        }
        drop(state);
        Ok(body)
    }

    /// Returns the length of a page, for a response without the page.
    pub(super) fn length_of(encoding: ContentEncoding, page: Page) -> Option<u64> {
        Contents::start(page, encoding).length()
    }

    fn release_place(&self) {
        let page: Arc<dyn OpenPage> = Arc::<SharedPage>::clone(&self.page);
        self.instance.scrape_limit().remove(&page);
    }
}

impl Contents {
    /// Writes the first piece.
    fn start(mut page: Page, mut encoding: ContentEncoding) -> Self {
        let next = next_piece(&mut page, &mut encoding);
        if page.has_ended() {
            return Self::Written(next.unwrap_or_default());
        }
        Self::Writing { page: Box::new(page), encoding, next }
    }

    /// Returns the length of a page of one piece. The length of a longer page is not known yet.
    fn length(&self) -> Option<u64> {
        match self {
            Self::Writing { .. } | Self::Lost => None,
            Self::Written(piece) => Some(piece.len() as u64),
            Self::Ended => Some(0),
        }
    }

    /// Takes the next piece, and writes it if necessary.
    fn take_piece(&mut self) -> Option<Result<Bytes, LostPlace>> {
        if let Self::Writing { page, encoding, next } = self {
            let piece = next.take().or_else(|| next_piece(page, encoding));
            if page.has_ended() {
                *self = Self::Ended;
            }
            return piece.map(Ok);
        }
        match mem::replace(self, Self::Ended) {
            Self::Written(piece) if !piece.is_empty() => Some(Ok(piece)),
            Self::Lost => Some(Err(LostPlace)),
            Self::Writing { .. } | Self::Written(_) | Self::Ended => None,
        }
    }
}

/// Writes until there is a piece to send.
fn next_piece(page: &mut Page, encoding: &mut ContentEncoding) -> Option<Bytes> {
    while let Some(piece) = page.next_piece() {
        let piece = encoding.encode(piece, page.has_ended());
        if !piece.is_empty() {
            return Some(piece.into());
        }
    }
    None
}

impl OpenPage for SharedPage {
    fn progress(&self) -> Option<Progress> {
        Some(self.0.try_lock()?.progress)
    }

    fn discard(&self) -> Discarded {
        let Some(mut state) = self.0.try_lock() else { return Discarded::Refused };
        if matches!(state.contents, Contents::Ended) {
            return Discarded::Nothing;
        }
        state.contents = Contents::Lost;
        Discarded::Contents
    }
}

impl Body for PageBody {
    type Data = Bytes;
    type Error = LostPlace;

    fn poll_frame(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, LostPlace>>> {
        let (piece, has_ended) = {
            let mut state = self.page.0.lock();
            let piece = state.contents.take_piece();
            state.progress = Progress::Taken(Instant::now());
            (piece, matches!(state.contents, Contents::Ended))
        };
        if has_ended {
            self.release_place();
        }
        Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        match &self.page.0.lock().contents {
            Contents::Written(piece) => piece.is_empty(),
            Contents::Writing { .. } | Contents::Lost => false,
            Contents::Ended => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.page.0.lock().contents.length().map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl Drop for PageBody {
    fn drop(&mut self) {
        self.release_place();
    }
}
