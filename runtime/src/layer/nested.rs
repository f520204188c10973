//! Nested layers of one instance: the outermost records the request.
//!
//! A second layer around the same routes gets the same request again, while a router that a handler
//! calls gets a request of its own. To tell these two cases apart, the outermost layer marks the
//! request, which costs an entry in its extensions. Requests are therefore marked only once an
//! instance has created a second layer, or a request has passed through a clone of its only layer.

use axum::extract::MatchedPath;
use http::Request;

use crate::metrics::Instance;
use crate::request::{self, Scope};
use crate::series::SharedTemplate;

/// Marks a request that a layer of this instance records. Stored in the request's extensions.
#[derive(Clone)]
struct RecordedBy(&'static Instance);

/// Returns whether an outer layer of the same instance records this request. If so, the outer layer
/// learns the route that the request matched.
pub(super) fn is_recorded_by_outer_layer<B>(
    request: &Request<B>,
    instance: &'static Instance,
) -> bool {
    let mark = if instance.deduplicates_by_mark() {
        request.extensions().get::<RecordedBy>()
    } else {
        None
    };
    let marked = mark.is_some_and(|mark| mark.0.is_same_instance(instance));
    let is_same_request = |scope: &mut Scope| {
        let route = route(request);
        let same = scope.is_same_request(instance, marked, route);
        if let Some(route) = route.filter(|_| same) {
            scope.note_route(route);
        }
        same
    };
    // Outside any request, the mark alone decides: another task has taken over from the outer
    // layer.
    request::current(is_same_request).unwrap_or(marked)
}

/// Marks the request for nested layers, if requests are marked. Returns whether they are.
pub(super) fn mark_request<B>(request: &mut Request<B>, instance: &'static Instance) -> bool {
    let deduplicates = instance.deduplicates_by_mark();
    if deduplicates {
        request.extensions_mut().insert(RecordedBy(instance));
    }
    deduplicates
}

/// Returns the template of the route that the request matched. A fallback has none.
pub(super) fn route<B>(request: &Request<B>) -> Option<&str> {
    Some(request.extensions().get::<MatchedPath>()?.as_str()).filter(|text| is_route(text))
}

impl SharedTemplate for MatchedPath {
    fn text(&self) -> &str {
        self.as_str()
    }

    fn is_route(&self) -> bool {
        is_route(self.as_str())
    }

    fn share(&self) -> Box<dyn SharedTemplate> {
        Box::new(self.clone())
    }
}

/// Returns whether a template is that of a route, and not of one that axum has added itself to
/// serve a fallback.
///
/// axum 0.8 keeps fallbacks apart from routes, and their requests have no `MatchedPath`. The next
/// axum serves the fallback of a router through the route `/{*__private__axum_fallback}`, below the
/// prefix if the router is nested, and the layers of the router see that template.
fn is_route(template: &str) -> bool {
    // The last byte shows that most templates are routes. The others need a search from their end,
    // which is short: a wildcard is always the last segment.
    let bytes = template.as_bytes();
    let is_fallback = bytes.last() == Some(&b'}')
        && bytes.iter().rposition(|&byte| byte == b'{').is_some_and(|open| {
            bytes[..open].last() == Some(&b'/') && bytes[open..].starts_with(b"{*__private__axum")
        });
    !is_fallback
}
