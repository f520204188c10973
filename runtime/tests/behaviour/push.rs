//! Pushing to a gateway, which is played here.

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

/// What a gateway was sent: method, path, body.
type Seen = Arc<Mutex<Vec<(String, String, String)>>>;

async fn gateway(answers: StatusCode) -> (String, Seen) {
    let seen = Seen::default();
    let take = move |State(seen): State<Seen>, request: Request| async move {
        let (head, body) = request.into_parts();
        let body = body.collect().await.expect("it is whole").to_bytes();
        let body = String::from_utf8(body.to_vec()).expect("it is text");
        let sent = (head.method.to_string(), head.uri.path().to_owned(), body);
        seen.lock().expect("nobody panics").push(sent);
        (answers, "pushed metrics are invalid\n")
    };
    let app = Router::new().fallback(any(take)).with_state(Arc::clone(&seen));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a port");
    let address = listener.local_addr().expect("it has one");
    tokio::spawn(async move { axum::serve(listener, app).await });
    (format!("http://user:secret@{address}"), seen)
}

#[tokio::test]
async fn a_group_is_replaced_added_to_and_deleted() {
    let metrics = metrics();
    let job = || async { token_usage_context::record(Usage::new(3, 4)) };
    get(&Router::new().route("/", any(job)).layer(metrics.layer()), "/").await;
    let (address, seen) = gateway(StatusCode::OK).await;
    let group = PushGateway::new(address, "nightly").group("shard", "a/b");
    group.push(&metrics).await.expect("it is taken");
    group.add(&metrics).await.expect("it is taken");
    group.delete().await.expect("it is taken");
    let seen = seen.lock().expect("nobody panics");
    let path = "/metrics/job/nightly/shard@base64/YS9i";
    let page = page_of(&metrics);
    assert!(page.contains("app_token_usage_total{"), "{page}");
    let expected = [("PUT", &*page), ("POST", &*page), ("DELETE", "")];
    assert_eq!(*seen, expected.map(|(method, body)| (method.into(), path.into(), body.to_owned())));
}

#[tokio::test]
async fn a_refusal_says_why_and_an_absent_gateway_shows_no_password() {
    let metrics = metrics();
    let (address, _) = gateway(StatusCode::BAD_REQUEST).await;
    let refused = PushGateway::new(address, "j").push(&metrics).await.expect_err("it is refused");
    assert!(matches!(refused, PushError::Refused { status: StatusCode::BAD_REQUEST, .. }));
    assert!(refused.to_string().contains("pushed metrics are invalid"), "{refused}");

    let free = TcpListener::bind("127.0.0.1:0").await.expect("there is a port");
    let address = format!("http://user:secret@{}", free.local_addr().expect("it has one"));
    drop(free);
    let absent = PushGateway::new(address, "j").push(&metrics).await.expect_err("nobody is there");
    assert!(matches!(absent, PushError::Unreachable(_)), "{absent}");
    assert!(absent.to_string().contains("refused"), "{absent}");
    assert!(!absent.to_string().contains("secret"), "{absent}");
}
