//! Cancellation: futures that are dropped, lose a `select!`, are aborted, time out or panic.

use std::time::Duration;

use futures_util::FutureExt;
use streamgauge::{Metrics, instrument_endpoint};
use streamgauge_test_support::Scrape;
use tokio::sync::oneshot;

/// Returns the numbers of active (in-flight) and of ended requests of an endpoint.
fn requests(endpoint: &str) -> (i64, i64) {
    let scrape = Scrape::of(Metrics::global());
    let labels = [("endpoint", endpoint)];
    (scrape.sum("app_active_requests", &labels), scrape.sum("app_http_requests_total", &labels))
}

#[expect(clippy::unused_async, reason = "the function never runs")]
#[instrument_endpoint]
async fn unpolled() {}

#[test]
fn unpolled_future_is_not_recorded() {
    drop(unpolled());
    assert_eq!(requests("unpolled"), (0, 0));
}

#[instrument_endpoint]
async fn dropped() {
    std::future::pending::<()>().await;
}

#[test]
fn dropped_future_ends_its_request() {
    let mut future = Box::pin(dropped());
    assert!(future.as_mut().now_or_never().is_none());
    assert_eq!(requests("dropped"), (1, 0));
    drop(future);
    assert_eq!(requests("dropped"), (0, 1));
}

#[instrument_endpoint]
async fn raced(receiver: &mut oneshot::Receiver<u8>) -> Option<u8> {
    receiver.await.ok()
}

#[tokio::test]
async fn future_that_loses_a_select_can_be_called_again() {
    let (sender, mut receiver) = oneshot::channel();
    let first = tokio::select! {
        biased;
        reply = raced(&mut receiver) => reply,
        () = tokio::task::yield_now() => None,
    };
    assert_eq!(first, None);
    assert_eq!(requests("raced"), (0, 1));
    sender.send(3).expect("the receiver is alive");
    let second = tokio::select! {
        biased;
        reply = raced(&mut receiver) => reply,
        () = tokio::task::yield_now() => None,
    };
    assert_eq!(second, Some(3));
    assert_eq!(requests("raced"), (0, 2));
}

#[instrument_endpoint]
async fn aborted(held: oneshot::Sender<()>) {
    std::future::pending::<()>().await;
    drop(held);
}

#[tokio::test]
async fn abort_of_a_task_drops_the_values_of_its_function() {
    let (sender, receiver) = oneshot::channel();
    let task = tokio::spawn(aborted(sender));
    tokio::task::yield_now().await;
    assert_eq!(requests("aborted"), (1, 0));
    task.abort();
    assert!(task.await.expect_err("the task was aborted").is_cancelled());
    assert!(receiver.await.is_err());
    assert_eq!(requests("aborted"), (0, 1));
}

#[instrument_endpoint]
async fn timed_out() {
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn timeout_ends_the_request() {
    assert!(tokio::time::timeout(Duration::from_millis(1), timed_out()).await.is_err());
    assert_eq!(requests("timed_out"), (0, 1));
}

#[instrument_endpoint]
async fn panicked() -> u8 {
    tokio::task::yield_now().await;
    panic!("in the body")
}

#[tokio::test]
async fn panic_keeps_its_payload() {
    let error = tokio::spawn(panicked()).await.expect_err("the call panics");
    assert_eq!(error.into_panic().downcast_ref(), Some(&"in the body"));
    assert_eq!(requests("panicked"), (0, 1));
}

#[instrument_endpoint]
fn called_while_unwinding() -> u8 {
    1
}

struct CallsOnDrop;

impl Drop for CallsOnDrop {
    fn drop(&mut self) {
        assert_eq!(called_while_unwinding(), 1);
    }
}

#[test]
fn function_can_be_called_while_a_panic_unwinds() {
    let unwound = std::panic::catch_unwind(|| {
        let _calls = CallsOnDrop;
        panic!("outside");
    });
    let payload = unwound.expect_err("the call panics");
    assert_eq!(payload.downcast_ref(), Some(&"outside"));
    assert_eq!(requests("called_while_unwinding"), (0, 1));
}
