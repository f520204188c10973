//! A request that passes through several layers of one instance: the outermost counts it.
//!
//! A router that a handler calls gets a request of its own, while a second layer around the same routes
//! gets the same request once more. To tell them apart the request is marked, which costs an entry in its
//! extensions; so it is only done once an instance has given out a second layer, or a request has come by
//! a clone of its only one.

use axum::extract::MatchedPath;
use http::Request;

use crate::metrics::Metrics;
use crate::request::{self, Scope};

/// In the extensions of a request that a layer of this instance has counted.
#[derive(Clone)]
struct Counted(Metrics);

/// Whether a layer further out has counted this request in the same instance already. If so, it learns
/// which route took the request.
pub(super) fn is_counted<B>(request: &Request<B>, metrics: &Metrics) -> bool {
    let mark = if metrics.marks() { request.extensions().get::<Counted>() } else { None };
    let marked = mark.is_some_and(|mark| mark.0.is(metrics));
    let passes_again = |scope: &mut Scope| {
        let route = route(request);
        let same = scope.passes_again(metrics, marked, route);
        if let Some(route) = route.filter(|_| same) {
            scope.matched(route);
        }
        same
    };
    // Where no request is being served, another task has taken over from an outer layer.
    request::current(passes_again).unwrap_or(marked)
}

/// Lets the request be recognised by layers further in, and tells whether it will be by its mark.
pub(super) fn enter<B>(request: &mut Request<B>, metrics: &Metrics) -> bool {
    let marks = metrics.marks();
    if marks {
        request.extensions_mut().insert(Counted(metrics.clone()));
    }
    marks
}

/// The template of the route that took the request.
pub(super) fn route<B>(request: &Request<B>) -> Option<&str> {
    request.extensions().get::<MatchedPath>().map(MatchedPath::as_str)
}
