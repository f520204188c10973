//! The limit of metrics pages in progress, and which page makes room for another one.
//!
//! A client that does not read its page must not block the scrapes of other clients. So a page may
//! lose its place before its end: when all places are taken, the page that has stalled longest
//! gives its place to the new one. Its contents are dropped at once, and its body ends with an
//! error. Stalled pages are found when another page needs a place, so no timer is needed.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// A page whose transport has taken a piece within this time is being sent and keeps its place.
///
/// A transport that makes progress takes several pieces in a row. After a longer pause a page can
/// lose its place, but only if no other page has paused for longer. The time is short so that
/// clients which stall cannot protect all places at once: writing a piece for each place takes
/// longer than this.
const BEING_SENT: Duration = Duration::from_millis(10);

/// The largest number of pages, for each place, that are written whole and wait for their
/// transport. Such a page holds no place, but up to one piece in memory.
const WRITTEN_PER_PLACE: usize = 16;

/// A metrics page whose response has not ended.
pub(crate) trait OpenPage: Send + Sync {
    /// Returns the newest progress of the page, or `None` while a piece of it is being written.
    fn progress(&self) -> Option<Progress>;

    /// Drops the contents of the page, unless a piece of it is being written.
    fn discard(&self) -> Discarded;
}

/// Returned by [`OpenPage::discard`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Discarded {
    /// The page is broken off.
    Contents,
    /// The transport has taken the whole page already.
    Nothing,
    /// A piece of the page is being written, so that the page is kept.
    Refused,
}

/// The newest progress of a page.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Progress {
    /// The transport has not taken a piece since the page was started at this time.
    Started(Instant),
    /// The transport has taken the last piece so far at this time.
    Taken(Instant),
}

impl Progress {
    /// Returns when the page stalled, or `None` if it is being sent.
    fn stalled_since(self, now: Instant) -> Option<Instant> {
        match self {
            Self::Started(at) => Some(at),
            Self::Taken(at) => (now.saturating_duration_since(at) >= BEING_SENT).then_some(at),
        }
    }
}

/// Returned by [`ScrapeLimit::admit`] for a page that got a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    Free,
    /// The next page will need the place of another one.
    Last,
    /// Another page has lost its place.
    Taken,
}

/// The metrics pages of an instance that are in progress.
pub(crate) struct ScrapeLimit {
    pages: Mutex<Pages>,
    max_writing: usize,
    max_written: usize,
}

#[derive(Default)]
struct Pages {
    /// The pages that hold a place, because a part of each is still to be written.
    writing: Vec<Arc<dyn OpenPage>>,
    /// The pages that are written whole, oldest first, until their transport takes them.
    written: VecDeque<Arc<dyn OpenPage>>,
}

impl ScrapeLimit {
    pub(super) fn new(max_scrapes: usize) -> Self {
        let max_written = max_scrapes.saturating_mul(WRITTEN_PER_PLACE);
        Self { pages: Mutex::default(), max_writing: max_scrapes, max_written }
    }

    /// Gives a place to a new page. Returns `None` if all places are taken by pages that are being
    /// written or sent.
    pub(crate) fn admit(&self, page: Arc<dyn OpenPage>, now: Instant) -> Option<Admission> {
        let writing = &mut self.pages.lock().writing;
        if writing.len() < self.max_writing {
            writing.push(page);
            let is_last = writing.len() == self.max_writing;
            return Some(if is_last { Admission::Last } else { Admission::Free });
        }
        loop {
            let stalled_since = |page: &Arc<dyn OpenPage>| page.progress()?.stalled_since(now);
            let stalled = writing.iter_mut().filter_map(|page| Some((stalled_since(page)?, page)));
            let (_, stalled) = stalled.min_by_key(|(since, _)| *since)?;
            // If the page has just made progress, another one is the longest-stalled now.
            let admission = match stalled.discard() {
                Discarded::Contents => Admission::Taken,
                Discarded::Nothing => Admission::Last,
                Discarded::Refused => continue,
            };
            *stalled = page;
            return Some(admission);
        }
    }

    /// Releases the place of a page that is written whole. The page waits for its transport, unless
    /// too many pages do: then the oldest of them is dropped. Returns whether a page was dropped.
    pub(crate) fn note_written(&self, page: Arc<dyn OpenPage>) -> bool {
        let pages = &mut *self.pages.lock();
        pages.writing.retain(|other| !Arc::ptr_eq(other, &page));
        let is_full = pages.written.len() >= self.max_written;
        let oldest = is_full.then(|| pages.written.pop_front()).flatten();
        pages.written.push_back(page);
        oldest.is_some_and(|oldest| oldest.discard() == Discarded::Contents)
    }

    /// Removes a page whose response has ended, or whose last piece was taken.
    pub(crate) fn remove(&self, page: &Arc<dyn OpenPage>) {
        let pages = &mut *self.pages.lock();
        pages.writing.retain(|other| !Arc::ptr_eq(other, page));
        pages.written.retain(|other| !Arc::ptr_eq(other, page));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page with a fixed progress.
    struct Fixed(Option<Progress>);

    impl OpenPage for Fixed {
        fn progress(&self) -> Option<Progress> {
            self.0
        }

        fn discard(&self) -> Discarded {
            Discarded::Contents
        }
    }

    fn page(progress: Option<Progress>) -> Arc<dyn OpenPage> {
        Arc::new(Fixed(progress))
    }

    #[test]
    fn longest_stalled_page_loses_its_place() {
        let now = Instant::now() + Duration::from_secs(60);
        let ago = |millis| now.checked_sub(Duration::from_millis(millis)).expect("after the epoch");
        let pages = [
            page(Some(Progress::Taken(ago(900)))),
            page(Some(Progress::Started(ago(1_000)))),
            page(Some(Progress::Taken(ago(5)))),
            page(None),
        ];
        let limit = ScrapeLimit::new(pages.len());
        let admitted = pages.each_ref().map(|page| limit.admit(Arc::clone(page), now));
        let [.., before_last, last] = admitted;
        assert_eq!(before_last, Some(Admission::Free));
        assert_eq!(last, Some(Admission::Last));
        let sent = || page(Some(Progress::Taken(now)));
        for stalled in [1, 0] {
            assert_eq!(limit.admit(sent(), now), Some(Admission::Taken));
            let is_in =
                |page| limit.pages.lock().writing.iter().any(|other| Arc::ptr_eq(other, page));
            assert!(!is_in(&pages[stalled]), "page {stalled}");
        }
        assert_eq!(limit.admit(sent(), now), None, "all are being written or sent");
        limit.remove(&pages[3]);
        assert_eq!(limit.admit(sent(), now), Some(Admission::Last));
    }
}
