//! Routes within routes.

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use streamgauge::instrument_endpoint;

#[instrument_endpoint]
async fn order(Path((user, order)): Path<(String, String)>) -> String {
    format!("order {order} of {user}")
}

/// `/api/v1/users/{user}/orders/{order}`, put together level by level.
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

/// A service of its own, for `/svc`.
pub(super) fn service() -> Router {
    Router::new().route("/n/{id}", get(item))
}
