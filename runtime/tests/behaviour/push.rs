//! Pushing to a gateway, for which a local server stands in.

use std::error::Error;
use std::iter;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::routing::any;
use http_body_util::BodyExt;
use streamgauge::{PushError, PushGateway, Usage, token_usage_context};
use streamgauge_test_support::client::{get, metrics};
use streamgauge_test_support::page_of;
use tokio::net::TcpListener;

/// The requests that the gateway has received: method, path, body.
pub(crate) type Received = Arc<Mutex<Vec<(String, String, String)>>>;

pub(crate) async fn gateway(status: StatusCode) -> (String, Received) {
    let received = Received::default();
    let receive = move |State(received): State<Received>, request: Request| async move {
        let (head, body) = request.into_parts();
        let body = body.collect().await.expect("the body does not fail").to_bytes();
        let body = String::from_utf8(body.to_vec()).expect("the text is UTF-8");
        let sent = (head.method.to_string(), head.uri.path().to_owned(), body);
        received.lock().expect("the lock is not poisoned").push(sent);
        (status, "pushed metrics are invalid\n")
    };
    let app = Router::new().fallback(any(receive)).with_state(Arc::clone(&received));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("the listener has an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    (format!("http://user:secret@{address}"), received)
}

#[tokio::test]
async fn push_replaces_adds_to_and_deletes_a_group() {
    let metrics = metrics();
    let job = || async { token_usage_context::record(Usage::new(3, 4)) };
    get(&Router::new().route("/", any(job)).layer(metrics.layer()), "/").await;
    let (address, received) = gateway(StatusCode::OK).await;
    let group = PushGateway::new(address, "nightly").group("shard", "a/b");
    group.push(&metrics).await.expect("the gateway accepts the request");
    group.add(&metrics).await.expect("the gateway accepts the request");
    group.delete().await.expect("the gateway accepts the request");
    let received = received.lock().expect("the lock is not poisoned");
    let path = "/metrics/job/nightly/shard@base64/YS9i";
    let page = page_of(&metrics);
    assert!(page.contains("app_token_usage_total{"), "{page}");
    let expected = [("PUT", &*page), ("POST", &*page), ("DELETE", "")];
    assert_eq!(
        *received,
        expected.map(|(method, body)| (method.into(), path.into(), body.to_owned()))
    );
}

#[tokio::test]
async fn push_errors_name_the_cause_and_hide_the_password() {
    let metrics = metrics();
    let (address, _) = gateway(StatusCode::BAD_REQUEST).await;
    let refused = PushGateway::new(address, "j")
        .push(&metrics)
        .await
        .expect_err("the gateway refuses the request");
    assert!(matches!(refused, PushError::Refused { status: StatusCode::BAD_REQUEST, .. }));
    assert!(refused.to_string().contains("pushed metrics are invalid"), "{refused}");

    let free = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address =
        format!("http://user:secret@{}", free.local_addr().expect("the listener has an address"));
    drop(free);
    let absent =
        PushGateway::new(address, "j").push(&metrics).await.expect_err("no server listens");
    assert!(matches!(absent, PushError::Unreachable(_)), "{absent}");
    let errors = iter::successors(Some(&absent as &dyn Error), |&error| error.source());
    let chain = errors.map(ToString::to_string).collect::<Vec<_>>().join(": ");
    assert!(chain.contains("refused"), "{chain}");
    assert!(!chain.contains("secret"), "{chain}");
}
