//! Attributes of other crates on an annotated function.

use axum::Router;
use axum::extract::Query;
use axum::routing::get as route_get;
use streamgauge::instrument_endpoint;

use crate::event_log::pause;

#[derive(serde::Deserialize)]
struct Name {
    name: String,
}

/// Declares a handler with these attributes, in this order.
macro_rules! greeting {
    ($name:ident: $($attribute:meta),*) => {
        $(#[$attribute])*
        async fn $name(Query(name): Query<Name>) -> Result<String, axum::http::StatusCode> {
            pause().await;
            if name.name.is_empty() {
                return Err(axum::http::StatusCode::NOT_FOUND);
            }
            Ok(name.name)
        }
    };
}

greeting!(plain:);
greeting!(debugged_inside: instrument_endpoint, axum::debug_handler);
greeting!(debugged_outside: axum::debug_handler, instrument_endpoint);
greeting!(traced_inside: instrument_endpoint, tracing::instrument(skip_all));
greeting!(traced_outside: tracing::instrument(skip_all), instrument_endpoint);
greeting!(all_outside: instrument_endpoint, axum::debug_handler, tracing::instrument(skip_all));
greeting!(all_inside: tracing::instrument(skip_all), axum::debug_handler, instrument_endpoint);
greeting!(conditional: cfg(all()), cfg_attr(all(), instrument_endpoint));
greeting!(plain_conditional: cfg(any()), instrument_endpoint);
greeting!(conditional_once: cfg(not(any())), instrument_endpoint);

#[tokio::test]
async fn other_attributes_may_precede_and_follow_ours() {
    let app: Router = Router::new()
        .route("/0", route_get(plain))
        .route("/1", route_get(debugged_inside))
        .route("/2", route_get(debugged_outside))
        .route("/3", route_get(traced_inside))
        .route("/4", route_get(traced_outside))
        .route("/5", route_get(conditional))
        .route("/6", route_get(all_outside))
        .route("/7", route_get(all_inside))
        .route("/8", route_get(conditional_once));
    for query in ["?name=a", "?name=", ""] {
        let mut replies = Vec::new();
        for handler in 0..=8 {
            let uri = format!("/{handler}{query}");
            let request = axum::http::Request::get(uri).body(axum::body::Body::empty());
            let request = request.expect("the request is well formed");
            let response = tower::ServiceExt::oneshot(app.clone(), request).await;
            let (head, body) = response.expect("a router does not fail").into_parts();
            let body = axum::body::to_bytes(body, 1000).await.expect("the body can be read");
            replies.push((head.status, body));
        }
        assert!(replies.iter().all(|reply| *reply == replies[0]), "{query}: {replies:?}");
    }
}
