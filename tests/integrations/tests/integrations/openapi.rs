//! Attributes of utoipa and of streamgauge on the same handler.

use axum::Router;
use axum::body::Bytes;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::routing::get as route_get;
use streamgauge::instrument_endpoint;
use streamgauge_test_support::client::get;
use utoipa::OpenApi;

#[derive(serde::Deserialize)]
struct Name {
    name: String,
}

/// Declares a handler with these attributes, in this order.
macro_rules! greeting {
    ($name:ident: $($attribute:meta),*) => {
        $(#[$attribute])*
        async fn $name(Query(name): Query<Name>) -> Result<String, StatusCode> {
            tokio::task::yield_now().await;
            if name.name.is_empty() {
                return Err(StatusCode::NOT_FOUND);
            }
            Ok(name.name)
        }
    };
}

greeting!(plain:);
greeting!(documented_inside:
    instrument_endpoint,
    utoipa::path(get, path = "/1", responses((status = 200)))
);
greeting!(documented_outside:
    utoipa::path(get, path = "/2", responses((status = 404))),
    instrument_endpoint
);
greeting!(all_outside:
    instrument_endpoint,
    axum::debug_handler,
    tracing::instrument(skip_all),
    utoipa::path(get, path = "/3", responses((status = 200)))
);
greeting!(all_inside:
    utoipa::path(get, path = "/4", responses((status = 200))),
    tracing::instrument(skip_all),
    axum::debug_handler,
    instrument_endpoint
);

#[tokio::test]
async fn utoipa_attributes_may_precede_and_follow_ours() {
    let app: Router = Router::new()
        .route("/0", route_get(plain))
        .route("/1", route_get(documented_inside))
        .route("/2", route_get(documented_outside))
        .route("/3", route_get(all_outside))
        .route("/4", route_get(all_inside));
    for query in ["?name=a", "?name=", ""] {
        let mut replies: Vec<(StatusCode, Bytes)> = Vec::new();
        for handler in 0..=4 {
            replies.push(get(&app, &format!("/{handler}{query}")).await);
        }
        assert!(replies.iter().all(|reply| *reply == replies[0]), "{query}: {replies:?}");
    }
}

#[derive(OpenApi)]
#[openapi(paths(documented_inside, documented_outside, all_outside, all_inside))]
struct Documentation;

#[test]
fn utoipa_documents_an_annotated_handler_under_its_own_name() {
    let documented = Documentation::openapi().paths.paths;
    let operations: Vec<_> = documented
        .values()
        .map(|path| path.get.as_ref().and_then(|get| get.operation_id.as_deref()))
        .collect();
    let names = ["documented_inside", "documented_outside", "all_outside", "all_inside"];
    assert_eq!(operations, names.map(Some));
}
