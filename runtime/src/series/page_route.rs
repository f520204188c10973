//! Whether an endpoint is the route of the metrics page.

use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

/// Whether the metrics page is served at an endpoint. Requests to the page are not recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PageRoute {
    No,
    /// The label ends in `/metrics`, and no request has shown yet whether the metrics endpoint
    /// serves this route.
    Perhaps,
    /// The metrics endpoint has been called at this route.
    Yes,
}

/// A [`PageRoute`] that threads share.
#[derive(Default)]
pub(super) struct PageRouteState(AtomicU8);

const NO: u8 = 0;
const PERHAPS: u8 = 1;
const YES: u8 = 2;

impl PageRouteState {
    /// Returns the state of an endpoint that has not served a request.
    pub(super) fn of_label(label: &str) -> Self {
        Self(AtomicU8::new(if label.ends_with("/metrics") { PERHAPS } else { NO }))
    }

    pub(super) fn get(&self) -> PageRoute {
        match self.0.load(Relaxed) {
            NO => PageRoute::No,
            PERHAPS => PageRoute::Perhaps,
            _ => PageRoute::Yes,
        }
    }

    pub(super) fn set(&self, route: PageRoute) {
        let state = match route {
            PageRoute::No => NO,
            PageRoute::Perhaps => PERHAPS,
            PageRoute::Yes => YES,
        };
        self.0.store(state, Relaxed);
    }
}
