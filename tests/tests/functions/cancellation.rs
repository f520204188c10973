//! Functions whose futures are dropped, raced and aborted, or that panic.

use std::time::Duration;

use futures_util::FutureExt;
use streamgauge::{Metrics, instrument_endpoint};
use streamgauge_test_support::Scrape;
use tokio::sync::oneshot;

/// The calls of a function that are open, and those that have ended.
fn calls(endpoint: &str) -> (i64, i64) {
    let scrape = Scrape::of(Metrics::global());
    let labels = [("endpoint", endpoint)];
    (scrape.sum("app_active_requests", &labels), scrape.sum("app_http_requests_total", &labels))
}

#[expect(clippy::unused_async, reason = "it never runs")]
#[instrument_endpoint]
async fn unpolled() {}

#[test]
fn a_future_that_is_never_polled_was_no_call() {
    drop(unpolled());
    assert_eq!(calls("unpolled"), (0, 0));
}

#[instrument_endpoint]
async fn dropped() {
    std::future::pending::<()>().await;
}

#[test]
fn a_dropped_future_has_ended() {
    let mut future = Box::pin(dropped());
    assert!(future.as_mut().now_or_never().is_none());
    assert_eq!(calls("dropped"), (1, 0));
    drop(future);
    assert_eq!(calls("dropped"), (0, 1));
}

#[instrument_endpoint]
async fn raced(receiver: &mut oneshot::Receiver<u8>) -> Option<u8> {
    receiver.await.ok()
}

#[tokio::test]
async fn the_loser_of_a_race_can_run_again() {
    let (sender, mut receiver) = oneshot::channel();
    let first = tokio::select! {
        biased;
        reply = raced(&mut receiver) => reply,
        () = tokio::task::yield_now() => None,
    };
    assert_eq!(first, None);
    assert_eq!(calls("raced"), (0, 1));
    sender.send(3).expect("the receiver is there");
    let second = tokio::select! {
        biased;
        reply = raced(&mut receiver) => reply,
        () = tokio::task::yield_now() => None,
    };
    assert_eq!(second, Some(3));
    assert_eq!(calls("raced"), (0, 2));
}

#[instrument_endpoint]
async fn aborted(held: oneshot::Sender<()>) {
    std::future::pending::<()>().await;
    drop(held);
}

#[tokio::test]
async fn an_aborted_task_has_dropped_what_its_function_held() {
    let (sender, receiver) = oneshot::channel();
    let task = tokio::spawn(aborted(sender));
    tokio::task::yield_now().await;
    assert_eq!(calls("aborted"), (1, 0));
    task.abort();
    assert!(task.await.expect_err("it was aborted").is_cancelled());
    assert!(receiver.await.is_err());
    assert_eq!(calls("aborted"), (0, 1));
}

#[instrument_endpoint]
async fn timed_out() {
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn a_call_that_takes_too_long_has_ended() {
    assert!(tokio::time::timeout(Duration::from_millis(1), timed_out()).await.is_err());
    assert_eq!(calls("timed_out"), (0, 1));
}

#[instrument_endpoint]
async fn panicked() -> u8 {
    tokio::task::yield_now().await;
    panic!("in the body")
}

#[tokio::test]
async fn a_panic_leaves_with_its_payload() {
    let error = tokio::spawn(panicked()).await.expect_err("it panics");
    assert_eq!(error.into_panic().downcast_ref(), Some(&"in the body"));
    assert_eq!(calls("panicked"), (0, 1));
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
fn a_function_can_be_called_while_a_panic_unwinds() {
    let unwound = std::panic::catch_unwind(|| {
        let _calls = CallsOnDrop;
        panic!("outside");
    });
    let payload = unwound.expect_err("it panics");
    assert_eq!(payload.downcast_ref(), Some(&"outside"));
    assert_eq!(calls("called_while_unwinding"), (0, 1));
}
