//! Prometheus metrics for axum services, written by the compiler.
//!
//! Three attributes rewrite handler functions so that they record what they do, and one tower layer
//! adds what only the wire knows: status, sizes, departed clients, panics.
//!
//! ```
//! use axum::{Json, Router, routing::post};
//! use serde::Serialize;
//! use streamgauge::{
//!     Metrics, TokenUsage, instrument_endpoint, metrics_endpoint, track_tokens,
//! };
//!
//! #[derive(Serialize, TokenUsage)]
//! struct Answer {
//!     text: String,
//!     #[token_usage(input)]
//!     prompt_tokens: usize,
//!     #[token_usage(output)]
//!     completion_tokens: usize,
//! }
//!
//! #[instrument_endpoint]
//! #[track_tokens(provider = "house", model = "small-1")]
//! async fn ask(question: String) -> Json<Answer> {
//!     let prompt_tokens = question.split_whitespace().count();
//!     Json(Answer { text: "42".to_owned(), prompt_tokens, completion_tokens: 1 })
//! }
//!
//! let metrics = Metrics::builder().prefix("oracle").build()?;
//! let app: Router = Router::new()
//!     .route("/ask", post(ask))
//!     .route("/metrics", axum::routing::get(metrics_endpoint))
//!     .layer(metrics.layer());
//! # Ok::<(), streamgauge::BuildError>(())
//! ```
//!
//! # Where to look
//!
//! - [`Metrics`] is an instance: prefix, buckets, limits, the registry. [`PrometheusLayer`] brings it
//!   into the request path, [`metrics_endpoint`] shows it to Prometheus.
//! - [`instrument_endpoint`], [`track_tokens`] and [`streaming_metrics`] are the attributes.
//! - [`TokenUsage`], [`Usage`] and [`token_usage_context`] bring in the tokens of model calls.
//! - [`ExceptionType`] names the variants of an error; [`track_detailed_exception`] and
//!   [`track_global_exception`] count errors by hand.
//! - [`wrap_streaming_response`] counts a stream at hand.
//! - [`Metrics::spawn_file_writer`] keeps a file for node-exporter, where nobody can scrape.
//!
//! # Events
//!
//! Each failure that is counted is an event of [`tracing`] with the target `streamgauge`: a `WARN` for what
//! goes into `exceptions_total`, with the fields `endpoint`, `exception_type` and `status`; an `ERROR` for
//! what goes into `global_exceptions_total`, panics among them, with `endpoint` and `exception_type`. A file
//! that a [`FileWriter`] cannot write is a `WARN` with `path` and `error`.
//!
//! # Features
//!
//! - `axum` (default): the layer, the handlers, and replies of axum's types. Without it the attributes
//!   record functions, streams and tokens into [`Metrics::global`].
//! - `tracing`: exemplars. In the format of `OpenMetrics` the newest value of each bucket of request durations,
//!   times to a first chunk or token, and tokens of a call has the trace and the span that it belongs to: those of
//!   OpenTelemetry's current context, where they are sampled, as `tracing-opentelemetry` keeps it for the
//!   span that is entered; else those that were current when the request came in. Prometheus stores them
//!   with `--enable-feature=exemplar-storage`.
//! - `push`: `PushGateway`, for batch jobs.
//! - `gzip`: compressed scrapes, for scrapers that ask for them.
//! - `async-openai`: [`TokenUsage`] of the replies that [async-openai](https://docs.rs/async-openai) has types
//!   for, of chat and Responses. It takes that crate's types and no client.
//! - `aws-sdk-bedrockruntime`: the same of [Bedrock](https://docs.rs/aws-sdk-bedrockruntime)'s Converse, and
//!   of the event that ends its streams: record that by hand.
//! - `process`: memory, processor time, threads and open files of the process, where they are asked for with
//!   [`MetricsBuilder::process_metrics`](MetricsBuilder#method.process_metrics). Read on Linux.

#[doc(hidden)]
pub mod __private;
mod endpoint;
mod exception;
mod export;
mod family;
#[cfg(feature = "axum")]
mod layer;
// Without the layer nobody opens a request's scope: paths to skip, and what an open scope is asked, lie
// idle then.
#[cfg_attr(not(feature = "axum"), expect(dead_code))]
mod metrics;
mod protocol;
#[cfg_attr(not(feature = "axum"), expect(dead_code, unused_imports))]
mod request;
#[cfg_attr(not(feature = "axum"), expect(dead_code))]
mod site;
mod stream;
mod tokens;
mod usage;
// Nor is there a response that says it is one of events, whose comments are told from them.
#[cfg_attr(not(feature = "axum"), expect(dead_code))]
mod wire;

pub use streamgauge_macros::{
    ExceptionType, TokenUsage, instrument_endpoint, streaming_metrics, track_tokens,
};

pub use crate::exception::{ExceptionType, track_detailed_exception, track_global_exception};
pub use crate::export::{EncodeError, FileWriter, WriteError, generate_prometheus_data};
#[cfg(feature = "axum")]
pub use crate::export::{MetricsEndpoint, MetricsServer, metrics_endpoint};
#[cfg(feature = "push")]
pub use crate::export::{PushError, PushGateway};
#[cfg(feature = "axum")]
pub use crate::layer::{Prometheus, PrometheusLayer, ResponseFuture};
pub use crate::metrics::{BuildError, Metrics, MetricsBuilder};
pub use crate::site::Price;
#[cfg(feature = "axum")]
pub use crate::stream::ResponseChunk;
pub use crate::stream::{MeteredStream, StreamChunk, wrap_streaming_response};
pub use crate::tokens::{TokenUsage, token_usage_context};
pub use crate::usage::Usage;
