//! Nested routers and a nested service.

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use streamgauge::instrument_endpoint;

#[instrument_endpoint]
async fn order(Path((user, order)): Path<(String, String)>) -> String {
    format!("order {order} of {user}")
}

/// Builds `/api/v1/users/{user}/orders/{order}` with one nested router for each level.
pub(super) fn api() -> Router {
    let orders = Router::new().merge(Router::new().route("/orders/{order}", get(order)));
    let users = Router::new().nest("/users/{user}", orders);
    let versions = Router::new().nest("/v1", Router::new().merge(users));
    Router::new().nest("/api", versions)
}

#[instrument_endpoint]
async fn item(Path(id): Path<String>) -> String {
    format!("service {id}")
}

/// Builds the service that is nested at `/svc`.
pub(super) fn service() -> Router {
    Router::new().route("/n/{id}", get(item))
}
