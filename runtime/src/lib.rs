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
//! - `axum` (default): the layer, the handlers, and support for axum's response types. Without this
//!   feature the attributes record functions, streams and tokens into [`Metrics::global`].
//! - `exemplars`: exemplars in the `OpenMetrics` format. Each bucket of request durations, of times
//!   to a first chunk or token, and of tokens of a call names the trace and span of its newest
//!   value. The trace is the one in OpenTelemetry's current context, as `tracing-opentelemetry`
//!   maintains it for the entered span; if there is none, the one that was current when the request
//!   arrived. Only sampled traces are named. Prometheus stores exemplars with
//!   `--enable-feature=exemplar-storage`.
//! - `push`: `PushGateway`, which sends the metrics of batch jobs to a Pushgateway.
//! - `gzip`: compressed metrics pages for scrapers that accept them.
//! - `process`: memory, processor time, threads and open files of the process, switched on by
//!   [`MetricsBuilder::process_metrics`](MetricsBuilder#method.process_metrics). Linux only.
//! - `async-openai`: [`TokenUsage`] for the chat and Responses types of
//!   [async-openai](https://docs.rs/async-openai). Adds that crate's types, not its client.
//! - `aws-sdk-bedrockruntime`: [`TokenUsage`] for the Converse reply of [Amazon Bedrock's
//!   client](https://docs.rs/aws-sdk-bedrockruntime), and for the metadata event that ends a
//!   Converse stream, which is recorded with [`token_usage_context`].

#![cfg_attr(docsrs, feature(doc_cfg))]
// Without the feature these items do not exist, so the links above point to their pages at docs.rs.
#![cfg_attr(
    not(feature = "axum"),
    doc = "",
    doc = "[`PrometheusLayer`]: https://docs.rs/streamgauge/latest/streamgauge/struct.PrometheusLayer.html",
    doc = "[`metrics_endpoint`]: https://docs.rs/streamgauge/latest/streamgauge/fn.metrics_endpoint.html"
)]

#[doc(hidden)]
pub mod __private;
mod call;
mod callsite;
mod endpoint;
mod exception;
mod export;
mod family;
mod label;
#[cfg(feature = "axum")]
mod layer;
mod llm;
mod media_type;
mod metrics;
mod outcome;
mod price;
mod request;
mod series;
mod stream;
mod tokens;
mod usage;
#[cfg(not(feature = "axum"))]
mod without_axum;

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
pub use crate::price::Price;
#[cfg(feature = "axum")]
pub use crate::stream::ResponseChunk;
pub use crate::stream::{MeteredStream, StreamChunk, wrap_streaming_response};
pub use crate::tokens::{TokenUsage, token_usage_context};
pub use crate::usage::Usage;
