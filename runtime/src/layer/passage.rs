//! A request that passes through several layers of one instance: the outermost counts it.
//!
//! A router that a handler calls gets a request of its own, while a second layer around the same routes
//! gets the same request once more. To tell them apart the request is marked, which costs an entry in its
//! extensions; so it is only done once an instance has given out a second layer. One layer that was cloned
//! and used twice is found by the request's own addresses the first time, and by marks from then on.

use axum::extract::MatchedPath;
use http::Request;

use crate::metrics::Metrics;
use crate::request::{self, Entered};

/// In the extensions of a request that a layer has counted.
#[derive(Clone)]
struct Counted;

/// Whether a layer further out has counted this request in the same instance already. If so, it learns
/// which route took the request.
pub(super) fn is_counted<B>(request: &Request<B>, metrics: &Metrics) -> bool {
    let counted = request::current(|scope| scope.entered(metrics)).flatten();
    let Some(entered) = counted else { return false };
    let same = if entered.marked {
        request.extensions().get::<Counted>().is_some()
    } else {
        metrics.mark_from_now_on();
        addresses(request).contains(&Some(entered.target))
    };
    if same && let Some(route) = route(request) {
        request::current(|scope| scope.matched(route));
    }
    same
}

/// Lets the request be recognised by layers further in.
pub(super) fn enter<B>(request: &mut Request<B>, metrics: &Metrics) -> Entered {
    let marked = metrics.marks();
    if marked {
        request.extensions_mut().insert(Counted);
    }
    let [route, path] = addresses(request);
    Entered { marked, target: route.or(path).unwrap_or_default() }
}

/// The template of the route that took the request.
pub(super) fn route<B>(request: &Request<B>) -> Option<&str> {
    request.extensions().get::<MatchedPath>().map(MatchedPath::as_str)
}

/// Where the template of the request's route lies, and where its path does.
fn addresses<B>(request: &Request<B>) -> [Option<usize>; 2] {
    let address = |text: &str| text.as_ptr().addr();
    [route(request).map(address), Some(address(request.uri().path()))]
}
