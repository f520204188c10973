//! Every attribute records the methods of `#[async_trait]` traits.

use std::pin::Pin;
use std::rc::Rc;

use async_trait::async_trait;
use futures_core::Stream;
use futures_util::{FutureExt, StreamExt, stream as streams};
use streamgauge::{Metrics, Usage, instrument_endpoint, streaming_metrics, track_tokens};
use streamgauge_test_support::Scrape;

use crate::event_log::pause;

fn sum(name: &str, endpoint: &str) -> i64 {
    Scrape::of(Metrics::global()).sum(name, &[("endpoint", endpoint)])
}

/// Returns the numbers of active and of ended requests of an endpoint.
fn requests(endpoint: &str) -> (i64, i64) {
    (sum("app_active_requests", endpoint), sum("app_http_requests_total", endpoint))
}

/// Returns the number of ended model calls of an endpoint, and their tokens.
fn model_calls(endpoint: &str) -> (i64, i64) {
    (sum("app_llm_calls_total", endpoint), sum("app_token_usage_total", endpoint))
}

type Chunks = Pin<Box<dyn Stream<Item = String> + Send>>;

#[async_trait]
trait Model: Send + Sync {
    async fn ask(&self, question: &str) -> Result<String, String>;

    async fn spend(&mut self, model: &str, input: u64) -> Option<Usage>;

    async fn stream(&self, count: usize) -> Result<Chunks, String>;

    // Default methods.
    #[instrument_endpoint(endpoint = "/async-trait/given")]
    async fn given(&self) -> String {
        pause().await;
        "given".to_owned()
    }

    #[track_tokens(model = "given", endpoint = "/async-trait/given-usage")]
    async fn given_usage(&self) -> Usage {
        pause().await;
        Usage::new(3, 4)
    }

    #[streaming_metrics(endpoint = "/async-trait/given-stream")]
    async fn given_stream(&self) -> Chunks {
        pause().await;
        streams::iter(["a".to_owned(), "b".to_owned()]).boxed()
    }
}

struct House(u64);

#[async_trait]
impl Model for House {
    #[instrument_endpoint(endpoint = "/async-trait/ask", method = "POST")]
    async fn ask(&self, question: &str) -> Result<String, String> {
        pause().await;
        if question.is_empty() {
            return Err(self.0.to_string());
        }
        Ok(format!("{question}!"))
    }

    #[track_tokens(model = model, endpoint = "/async-trait/spend")]
    async fn spend(&mut self, model: &str, input: u64) -> Option<Usage> {
        pause().await;
        self.0 = self.0.checked_sub(input)?;
        Some(Usage::new(input, model.len() as u64))
    }

    #[streaming_metrics(model = "small", endpoint = "/async-trait/stream")]
    async fn stream(&self, count: usize) -> Result<Chunks, String> {
        pause().await;
        if count == 0 {
            return Err("nothing".to_owned());
        }
        Ok(streams::iter(vec!["abc".to_owned(); count]).boxed())
    }
}

#[tokio::test]
async fn async_trait_request_lasts_while_its_future_runs() {
    let model: &dyn Model = &House(7);
    drop(model.ask("unpolled"));
    assert_eq!(requests("/async-trait/ask"), (0, 0));
    let mut future = model.ask("a");
    assert!(future.as_mut().now_or_never().is_none());
    assert_eq!(requests("/async-trait/ask"), (1, 0));
    assert_eq!(future.await, Ok("a!".to_owned()));
    assert_eq!(requests("/async-trait/ask"), (0, 1));
    assert_eq!(model.ask("").await, Err("7".to_owned()));
    let labels = [("endpoint", "/async-trait/ask"), ("status", "500"), ("method", "POST")];
    assert_eq!(Scrape::of(Metrics::global()).sum("app_http_requests_total", &labels), 1);
}

#[tokio::test]
async fn async_trait_method_has_its_usage_recorded() {
    let mut model: Box<dyn Model> = Box::new(House(7));
    drop(model.spend("small", 1));
    assert_eq!(model_calls("/async-trait/spend"), (0, 0));
    assert_eq!(model.spend("small", 5).await, Some(Usage::new(5, 5)));
    assert_eq!(model.spend("small", 5).await, None);
    assert_eq!(model_calls("/async-trait/spend"), (2, 10));
    assert_eq!(sum("app_usage_missing_total", "/async-trait/spend"), 1);
}

#[tokio::test]
async fn async_trait_method_has_its_stream_metered() {
    let model: &dyn Model = &House(7);
    assert!(model.stream(0).await.is_err());
    assert_eq!(model.stream(2).await.expect("the stream is returned").count().await, 2);
    assert_eq!(sum("app_stream_chunks_total", "/async-trait/stream"), 2);
    assert_eq!(sum("app_stream_bytes_total", "/async-trait/stream"), 6);
}

/// An implementation without annotations that inherits the annotated default methods.
struct Bare;

#[async_trait]
impl Model for Bare {
    async fn ask(&self, question: &str) -> Result<String, String> {
        Ok(question.to_owned())
    }

    async fn spend(&mut self, _model: &str, _input: u64) -> Option<Usage> {
        None
    }

    async fn stream(&self, _count: usize) -> Result<Chunks, String> {
        Err("none".to_owned())
    }
}

#[tokio::test]
async fn async_trait_default_method_is_recorded_for_every_implementation() {
    let models: [&dyn Model; 2] = [&House(7), &Bare];
    for (before, model) in (0..).zip(models) {
        let mut future = model.given();
        assert_eq!(requests("/async-trait/given"), (0, before));
        assert!(future.as_mut().now_or_never().is_none());
        assert_eq!(requests("/async-trait/given"), (1, before));
        assert_eq!(future.await, "given");
        assert_eq!(requests("/async-trait/given"), (0, before + 1));
        assert_eq!(model.given_usage().await, Usage::new(3, 4));
        assert_eq!(model_calls("/async-trait/given-usage"), (before + 1, 7 * (before + 1)));
        assert_eq!(model.given_stream().await.count().await, 2);
        assert_eq!(sum("app_stream_chunks_total", "/async-trait/given-stream"), 2 * (before + 1));
    }
}

#[async_trait(?Send)]
trait LocalTrait {
    async fn ask(&self, question: Rc<str>) -> Rc<str>;

    async fn spend(&self, input: Rc<u64>) -> Result<Usage, Rc<str>>;

    async fn stream(&self, text: Rc<str>) -> Pin<Box<dyn Stream<Item = String>>>;
}

struct LocalModel;

#[async_trait(?Send)]
impl LocalTrait for LocalModel {
    #[instrument_endpoint(endpoint = "/async-trait/local")]
    async fn ask(&self, question: Rc<str>) -> Rc<str> {
        pause().await;
        question
    }

    #[track_tokens(model = "small", endpoint = "/async-trait/local-usage")]
    async fn spend(&self, input: Rc<u64>) -> Result<Usage, Rc<str>> {
        pause().await;
        if *input == 0 { Err("nothing".into()) } else { Ok(Usage::new(*input, 1)) }
    }

    #[streaming_metrics(endpoint = "/async-trait/local-stream")]
    async fn stream(&self, text: Rc<str>) -> Pin<Box<dyn Stream<Item = String>>> {
        pause().await;
        streams::once(async move { text.to_string() }).boxed_local()
    }
}

#[tokio::test]
async fn async_trait_without_send_is_recorded() {
    let local: &dyn LocalTrait = &LocalModel;
    drop(local.ask("unpolled".into()));
    assert_eq!(&*local.ask("a".into()).await, "a");
    assert_eq!(requests("/async-trait/local"), (0, 1));
    assert!(local.spend(Rc::new(0)).await.is_err());
    assert_eq!(local.spend(Rc::new(2)).await, Ok(Usage::new(2, 1)));
    assert_eq!(model_calls("/async-trait/local-usage"), (2, 3));
    assert_eq!(local.stream("a".into()).await.count().await, 1);
    assert_eq!(sum("app_stream_chunks_total", "/async-trait/local-stream"), 1);
}

#[async_trait]
trait Stacked: Sync {
    async fn both(&self, input: u64) -> Usage;
}

struct EndpointFirst;
struct TokensFirst;

#[async_trait]
impl Stacked for EndpointFirst {
    #[instrument_endpoint(endpoint = "/async-trait/outside")]
    #[track_tokens(model = "small")]
    async fn both(&self, input: u64) -> Usage {
        pause().await;
        Usage::new(input, 1)
    }
}

#[async_trait]
impl Stacked for TokensFirst {
    #[track_tokens(model = "small", endpoint = "/async-trait/inside")]
    #[instrument_endpoint(endpoint = "/async-trait/inside")]
    async fn both(&self, input: u64) -> Usage {
        pause().await;
        Usage::new(input, 1)
    }
}

#[tokio::test]
async fn stacked_attributes_each_record_an_async_trait_method() {
    let stacked: [(&dyn Stacked, &str); 2] =
        [(&EndpointFirst, "/async-trait/outside"), (&TokensFirst, "/async-trait/inside")];
    for (stacked, endpoint) in stacked {
        drop(stacked.both(1));
        assert_eq!(stacked.both(2).await, Usage::new(2, 1));
        assert_eq!(requests(endpoint), (0, 1));
    }
    assert_eq!(model_calls("/async-trait/inside"), (1, 3));
}
