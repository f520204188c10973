//! A function that returns an `impl Future` or a boxed future is recorded while that future runs.

use std::pin::Pin;

use futures_core::Stream;
use futures_util::{FutureExt, StreamExt, stream as streams};
use streamgauge::{Metrics, Usage, instrument_endpoint, streaming_metrics, track_tokens};
use streamgauge_test_support::Scrape;

use crate::event_log::pause;

/// Returns the numbers of active requests, of ended requests, and of ended requests with a status.
fn requests(endpoint: &str, status: &str) -> (i64, i64, i64) {
    let scrape = Scrape::of(Metrics::global());
    let labels = [("endpoint", endpoint), ("status", status)];
    (
        scrape.sum("app_active_requests", &labels[..1]),
        scrape.sum("app_http_requests_total", &labels[..1]),
        scrape.sum("app_http_requests_total", &labels),
    )
}

/// Returns the number of ended model calls, their tokens, and the number of calls without usage.
fn model_calls(endpoint: &str) -> (i64, i64, i64) {
    let scrape = Scrape::of(Metrics::global());
    let labels = [("endpoint", endpoint)];
    (
        scrape.sum("app_llm_calls_total", &labels),
        scrape.sum("app_token_usage_total", &labels),
        scrape.sum("app_usage_missing_total", &labels),
    )
}

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

#[instrument_endpoint]
fn hidden_unpolled() -> impl Future<Output = u8> {
    async { 1 }
}

#[instrument_endpoint]
fn boxed_unpolled() -> Pin<Box<dyn Future<Output = u8> + Send>> {
    Box::pin(async { 1 })
}

#[test]
fn unpolled_future_is_not_recorded() {
    drop(hidden_unpolled());
    drop(boxed_unpolled());
    assert_eq!(requests("hidden_unpolled", "200"), (0, 0, 0));
    assert_eq!(requests("boxed_unpolled", "200"), (0, 0, 0));
}

#[instrument_endpoint]
fn hidden_result(fail: bool) -> impl Future<Output = Result<u8, String>> {
    async move {
        pause().await;
        if fail { Err("fail".to_owned()) } else { Ok(1) }
    }
}

#[instrument_endpoint]
fn boxed_result(fail: bool) -> Pin<Box<dyn Future<Output = Result<u8, String>> + Send>> {
    Box::pin(async move {
        pause().await;
        if fail { Err("fail".to_owned()) } else { Ok(1) }
    })
}

/// Asserts what is recorded for a successful, a failed and a dropped future.
fn assert_recorded(endpoint: &str, make: &dyn Fn(bool) -> Boxed<'static, Result<u8, String>>) {
    let mut future = make(false);
    assert_eq!(requests(endpoint, "200"), (0, 0, 0));
    assert!(future.as_mut().now_or_never().is_none());
    assert_eq!(requests(endpoint, "200"), (1, 0, 0));
    assert_eq!(future.now_or_never(), Some(Ok(1)));
    assert_eq!(requests(endpoint, "200"), (0, 1, 1));

    let mut failing = make(true);
    assert!(failing.as_mut().now_or_never().is_none());
    assert_eq!(failing.now_or_never(), Some(Err("fail".to_owned())));
    assert_eq!(requests(endpoint, "500"), (0, 2, 1));

    let mut dropped = make(false);
    assert!(dropped.as_mut().now_or_never().is_none());
    drop(dropped);
    assert_eq!(requests(endpoint, "499"), (0, 3, 1));
}

#[test]
fn request_lasts_from_the_first_poll_to_the_last() {
    assert_recorded("hidden_result", &|fail| Box::pin(hidden_result(fail)));
    assert_recorded("boxed_result", &|fail| boxed_result(fail));
}

#[instrument_endpoint]
fn refused_at_once(refuse: bool) -> impl Future<Output = u8> {
    assert!(!refuse, "refused");
    async { 1 }
}

#[test]
fn panic_before_the_future_is_returned_leaves_no_active_request() {
    let refused = std::panic::catch_unwind(|| refused_at_once(true).now_or_never());
    assert!(refused.is_err());
    assert_eq!(requests("refused_at_once", "200").0, 0);
}

#[instrument_endpoint]
fn panics_when_polled() -> Pin<Box<dyn Future<Output = u8>>> {
    Box::pin(async {
        pause().await;
        panic!("in the future")
    })
}

#[tokio::test]
async fn panic_in_the_future_ends_its_request() {
    let local = tokio::task::LocalSet::new();
    let task = local.run_until(async { tokio::task::spawn_local(panics_when_polled()).await });
    let payload = task.await.expect_err("the call panics").into_panic();
    assert_eq!(payload.downcast_ref(), Some(&"in the future"));
    assert_eq!(requests("panics_when_polled", "500"), (0, 1, 1));
}

#[track_tokens(model = "small")]
fn hidden_usage(text: &str) -> impl Future<Output = Result<Usage, std::num::ParseIntError>> {
    async {
        pause().await;
        Ok(Usage::new(text.parse()?, 1))
    }
}

#[tokio::test]
async fn usage_of_a_returned_future_is_recorded() {
    drop(hidden_usage("7"));
    assert_eq!(model_calls("hidden_usage"), (0, 0, 0));
    assert_eq!(hidden_usage("7").await, Ok(Usage::new(7, 1)));
    assert_eq!(model_calls("hidden_usage"), (1, 8, 0));
    assert!(hidden_usage("seven").await.is_err());
    assert_eq!(model_calls("hidden_usage").1, 8);
}

#[track_tokens(model = model)]
fn boxed_usage<'a>(
    model: &str,
    text: &'a str,
) -> Pin<Box<dyn Future<Output = Option<Usage>> + Send + 'a>> {
    let words = model.len() as u64;
    Box::pin(async move {
        pause().await;
        (!text.is_empty()).then(|| Usage::new(words, 1))
    })
}

#[tokio::test]
async fn model_label_is_read_from_the_arguments() {
    assert_eq!(boxed_usage("small", "7").await, Some(Usage::new(5, 1)));
    assert_eq!(boxed_usage("larger", "").await, None);
    assert_eq!(model_calls("boxed_usage"), (2, 6, 1));
    let scrape = Scrape::of(Metrics::global());
    let labels = [("endpoint", "boxed_usage"), ("model", "small")];
    assert_eq!(scrape.sum("app_llm_calls_total", &labels), 1);
}

#[streaming_metrics]
fn hidden_stream(count: usize) -> impl Future<Output = impl Stream<Item = String>> {
    async move {
        pause().await;
        streams::iter(vec!["abc".to_owned(); count])
    }
}

type Chunks = Pin<Box<dyn Stream<Item = String> + Send>>;

#[streaming_metrics]
fn boxed_stream(count: usize) -> Pin<Box<dyn Future<Output = Result<Chunks, String>> + Send>> {
    Box::pin(async move {
        pause().await;
        if count == 0 {
            return Err("nothing".to_owned());
        }
        Ok(streams::iter(vec!["abc".to_owned(); count]).boxed())
    })
}

#[tokio::test]
async fn stream_of_a_returned_future_is_metered() {
    let chunks = |endpoint| {
        Scrape::of(Metrics::global()).sum("app_stream_chunks_total", &[("endpoint", endpoint)])
    };
    assert_eq!(hidden_stream(2).await.count().await, 2);
    assert_eq!(chunks("hidden_stream"), 2);
    assert!(boxed_stream(0).await.is_err());
    assert_eq!(boxed_stream(3).await.expect("the stream is returned").count().await, 3);
    assert_eq!(chunks("boxed_stream"), 3);
}

#[instrument_endpoint(endpoint = "/outside", method = "POST")]
#[track_tokens(model = "small", endpoint = "/inside")]
fn stacked() -> impl Future<Output = Usage> + Send {
    async {
        pause().await;
        Usage::new(2, 3)
    }
}

#[tokio::test]
async fn stacked_attributes_each_record_a_returned_future() {
    drop(stacked());
    assert_eq!((requests("/outside", "200"), model_calls("/inside")), ((0, 0, 0), (0, 0, 0)));
    assert_eq!(tokio::spawn(stacked()).await.expect("the task completes"), Usage::new(2, 3));
    assert_eq!(requests("/outside", "200"), (0, 1, 1));
    assert_eq!(model_calls("/inside"), (1, 5, 0));
}
