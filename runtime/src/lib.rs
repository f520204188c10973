//! Prometheus metrics for axum services that stream responses and call language models.
//!
//! A tower layer records what the HTTP layer sees: status, duration, body sizes, client disconnects
//! and panics. Attributes on functions record what the layer cannot see: errors by type, the
//! progress of streams, and model calls with their tokens and cost. Each request, stream and call
//! is recorded once, with one outcome, and every label has a bounded number of values.
//!
//! # Quick start
//!
//! ```no_run
//! use axum::{Router, extract::Path, routing::get};
//! use streamgauge::{Metrics, metrics_endpoint};
//!
//! async fn item(Path(id): Path<u32>) -> String {
//!     format!("item {id}")
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let metrics = Metrics::builder().prefix("shop").install()?;
//!     let app = Router::new()
//!         .route("/items/{id}", get(item))
//!         .route("/metrics", get(metrics_endpoint))
//!         .layer(metrics.layer());
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
//!     axum::serve(listener, app).await?;
//!     Ok(())
//! }
//! ```
//!
//! After the first request for an item, `GET /metrics` has `shop_http_requests_total`,
//! `shop_http_request_duration_seconds` and the other families of requests.
//!
//! # Guide
//!
//! | to do this | read |
//! |---|---|
//! | start, and learn where recorded values go | [Getting started](guide::getting_started) |
//! | look up a family, a label, the default buckets | [The metrics](guide::metrics) |
//! | record errors and panics | [Errors and exceptions](guide::errors) |
//! | meter a streamed response or a WebSocket | [Streaming](guide::streaming) |
//! | count tokens and cost | [LLM calls, tokens and prices](guide::llm_calls) |
//! | know which replies are read, and how far | [What is read from replies](guide::protocols) |
//! | retry and fall back between providers | [A gateway with fallbacks](guide::gateway) |
//! | get dashboards and alerts | [Dashboards, rules and objectives](guide::monitoring) |
//! | know what to do about an alert | [Alerts](guide::alerts) |
//! | watch the numbers in a browser | [The live page](guide::live) |
//! | write queries | [`PromQL` queries](guide::promql) |
//! | tell tenants apart | [Request labels and tenants](guide::request_labels) |
//! | export by page, file or push | [Exporting](guide::exporting) |
//! | test your metrics | [Testing your metrics](guide::testing) |
//! | switch recording off | [Turning it off](guide::turning_off) |
//! | run in Kubernetes, in many processes, behind a proxy | [Deployment](guide::deployment) |
//! | move from Python | [From the `FastAPI` middleware](guide::from_fastapi) |
//! | move from another crate | [From other crates](guide::from_other_crates) |
//! | keep metrics of the `metrics` crate | [Joining pages](guide::metrics_facade) |
//! | know what it costs | [Performance](guide::performance) |
//! | know what is not recorded, and why | [Limitations](guide::limitations) |
//! | change the library | [Architecture](guide::architecture) |
//!
//! # Items by task
//!
//! | to do this | use |
//! |---|---|
//! | set prefix, labels, buckets, limits, registry | [`Metrics::builder`], [`MetricsBuilder`] |
//! | turn the metrics off | [`MetricsBuilder::enabled`], `STREAMGAUGE_DISABLED=1` |
//! | record every request of a router | [`Metrics::layer`], [`PrometheusLayer`] |
//! | record a handler's endpoint and errors | [`instrument_endpoint`], [`ExceptionType`] |
//! | record model calls and tokens | [`track_tokens`], [`TokenUsage`], [`token_usage_context`] |
//! | record why a model call failed | [`call::CallError`], [`call::report`] |
//! | tell tenants or plans apart | [`RequestLabel`], [`request_label::set`] |
//! | record what tokens cost | [`MetricsBuilder::price`], [`Price`], [`Prices`] |
//! | meter a streamed response | [`streaming_metrics`], [`wrap_streaming_response`] |
//! | count an error in user code | [`track_detailed_exception`], [`track_global_exception`] |
//! | report an error by its [`ExceptionType`] | [`track_named_exception`] |
//! | give an error a name in its response | [`ExceptionName`] |
//! | serve the metrics | [`metrics_endpoint`], [`Metrics::endpoint`], [`Metrics::serve`] |
//! | write a file for node-exporter | [`Metrics::spawn_file_writer`], [`Metrics::write_to_file`] |
//! | write dashboards, rules and alerts | the module `monitoring`, with the feature `monitoring` |
//! | watch the numbers in a browser | `Metrics::live`, with the feature `live` |
//! | meter a WebSocket | `ws`, with the feature `ws` |
//! | push from a batch job | `PushGateway`, with the feature `push` |
//!
//! # Within and outside a request
//!
//! Code runs *within a request* while a [`PrometheusLayer`] polls the service or the response body
//! on the current thread. Such code records into the instance of that layer. Code without such a
//! layer, and code in a spawned task, runs *outside any request* and records into
//! [`Metrics::global`]. The label `endpoint` is then the endpoint that an attribute names, the name
//! of the function, or empty.
//!
//! [`Handle::scope`](token_usage_context::Handle::scope) wraps a future for a spawned task. Model
//! calls and metered streams in the future are part of the request and of the call in which the
//! handle was created. Exceptions and [`request_label::set`] in the future remain outside.
//! [Getting started](guide::getting_started#where-the-numbers-go) has a table of all cases.
//!
//! # Features
//!
//! Only `axum` is enabled by default.
//!
//! - `axum`: the layer, the metrics page, and the attributes' support for axum's response types.
//! - `exemplars`: [exemplars](guide::exporting#exemplars) in the `OpenMetrics` format, which name
//!   the traces of recorded values.
//! - `gzip`: compressed metrics pages.
//! - `live`: `Metrics::live`, a page that shows the numbers of the last five minutes while they
//!   change.
//! - `monitoring`: the module `monitoring`, which writes [dashboards, recording rules and
//!   alerts](guide::monitoring) that fit the program, and the objectives of endpoints. Without this
//!   feature, the argument `objective` of attributes has no effect.
//! - `process`: memory, processor time, threads and open files of the process, switched on by
//!   [`process_metrics`](MetricsBuilder#method.process_metrics). Linux only.
//! - `push`: `PushGateway`, for batch jobs.
//! - `toml`: price files in TOML, for [`Prices::from_file`]. Price files in JSON need no feature.
//! - `async-openai`: [`TokenUsage`] for the chat and Responses types of
//!   [async-openai](https://docs.rs/async-openai), without its client.
//! - `aws-sdk-bedrockruntime`: [`TokenUsage`] for the Converse reply of [Amazon Bedrock's
//!   client](https://docs.rs/aws-sdk-bedrockruntime), and for the metadata event at the end of a
//!   Converse stream, which is recorded with [`token_usage_context`].
//! - `reqwest`: `#[track_tokens(protocol = "…")]` on functions that return a `reqwest::Response`,
//!   and [`call::CallError`] for `reqwest::Error`. No TLS is enabled.
//! - `ws`: the module `ws`, which meters a WebSocket as a stream.
//!
//! **Without the feature `axum`** the crate is for programs without an HTTP server: batch jobs and
//! queue workers that call models. The attributes record functions, streams and calls into
//! [`Metrics::global`], and the program writes the metrics to a file or pushes them.

#![cfg_attr(docsrs, feature(doc_cfg))]
// These items need the feature `axum`. Without it the links above point to docs.rs.
#![cfg_attr(
    not(feature = "axum"),
    doc = "",
    doc = "[`Metrics::endpoint`]: https://docs.rs/streamgauge/latest/streamgauge/struct.Metrics.html#method.endpoint",
    doc = "[`Metrics::layer`]: https://docs.rs/streamgauge/latest/streamgauge/struct.Metrics.html#method.layer",
    doc = "[`Metrics::serve`]: https://docs.rs/streamgauge/latest/streamgauge/struct.Metrics.html#method.serve",
    doc = "[`PrometheusLayer`]: https://docs.rs/streamgauge/latest/streamgauge/struct.PrometheusLayer.html",
    doc = "[`metrics_endpoint`]: https://docs.rs/streamgauge/latest/streamgauge/fn.metrics_endpoint.html"
)]

#[doc(hidden)]
pub mod __private;
pub mod call;
mod callsite;
mod endpoint;
mod error_chain;
mod exception;
mod export;
mod family;
mod free_list;
// Only text: `tests` compiles the snippets, with the dependencies that the chapters name.
#[cfg(all(doc, not(doctest)))]
pub mod guide;
mod hook;
mod label;
#[cfg(feature = "axum")]
mod layer;
mod llm;
mod media_type;
mod metrics;
#[cfg(feature = "monitoring")]
#[cfg_attr(docsrs, doc(cfg(feature = "monitoring")))]
pub mod monitoring;
mod objective;
mod outcome;
mod price;
mod request;
mod series;
mod status;
mod stream;
pub mod testing;
mod tokens;
mod type_name;
mod usage;
#[cfg(not(feature = "axum"))]
mod without_axum;
#[cfg(feature = "ws")]
pub mod ws;

/// The version of the crate `prometheus` whose registry [`Metrics::registry`] returns.
pub use prometheus;
pub use streamgauge_macros::{
    ExceptionType, TokenUsage, instrument_endpoint, streaming_metrics, track_tokens,
};

pub use crate::exception::{
    ExceptionType, track_detailed_exception, track_global_exception, track_named_exception,
};
#[cfg(feature = "live")]
#[cfg_attr(docsrs, doc(cfg(feature = "live")))]
pub use crate::export::LivePage;
pub use crate::export::{EncodeError, FileWriter, WriteError, generate_prometheus_data};
#[cfg(feature = "axum")]
pub use crate::export::{MetricsEndpoint, MetricsServer, Serve, metrics_endpoint};
#[cfg(feature = "push")]
pub use crate::export::{PushError, PushGateway};
#[cfg(feature = "axum")]
pub use crate::layer::{Prometheus, PrometheusLayer, ResponseFuture};
pub use crate::metrics::{BuildError, Metrics, MetricsBuilder, RequestLabel};
#[cfg(feature = "monitoring")]
#[cfg_attr(docsrs, doc(cfg(feature = "monitoring")))]
pub use crate::objective::Objective;
pub use crate::price::{Price, PriceFileError, Prices};
pub use crate::request::{ExceptionName, request_label};
#[cfg(feature = "axum")]
pub use crate::stream::ResponseChunk;
pub use crate::stream::{MeteredStream, StreamChunk, wrap_streaming_response};
pub use crate::tokens::{TokenUsage, token_usage_context};
pub use crate::usage::Usage;
