//! The attributes of [streamgauge](https://docs.rs/streamgauge), which re-exports them: depend on that.
//!
//! Each attribute has a folder: its arguments are parsed and checked in `args`, its expansion is made
//! in `expand`. What they share is what is true of every annotated function.

mod arguments;
mod body;
mod errors;
mod exception_type;
mod features;
mod function;
mod future;
mod instrument_endpoint;
mod label;
mod protocol;
mod rebind;
mod reply;
mod route;
mod site;
mod streaming_metrics;
mod suggest;
mod token_usage;
mod track_tokens;
mod wrap;

use proc_macro::TokenStream;

use crate::errors::report;

/// Records the requests that a handler serves.
///
/// ```
/// use axum::{Json, extract::Path, http::StatusCode};
/// use streamgauge::instrument_endpoint;
///
/// #[derive(Debug, serde::Serialize)]
/// struct Item {
///     id: u64,
/// }
///
/// #[instrument_endpoint]
/// async fn item(Path(id): Path<u64>) -> Result<Json<Item>, StatusCode> {
///     if id == 0 { Err(StatusCode::NOT_FOUND) } else { Ok(Json(Item { id })) }
/// }
/// ```
///
/// # Arguments
///
/// | argument | value | default |
/// |---|---|---|
/// | `endpoint` | the `endpoint` label, a route template: `"/items/{id}"` | the matched route; outside a request the function's name |
/// | `method` | the `method` label outside a request: `"GET"` | empty, "not known" |
/// | `crate` | the path of streamgauge, where it has another name | `::streamgauge` |
///
/// # What it records
///
/// Behind [`PrometheusLayer`] the layer counts the request, and the attribute adds what only the
/// function knows: its endpoint, and the type of the error it returns (`exceptions_total`). The first
/// annotated function of a request is its handler; others that it calls add nothing. Called outside any
/// request, the function records by itself: `http_requests_total`, `http_request_duration_seconds`,
/// `active_requests`, `errors_total` and `exceptions_total`, with the status of its reply where the reply
/// has one, else 200 for a value and 500 for an `Err`.
///
/// # What it expands to
///
/// A guard before the body, and a call that closes the guard with the result:
///
/// ```text
/// async fn item(Path(id): Path<u64>) -> Result<Json<Item>, StatusCode> {
///     let guard = start(&SITE);
///     let reply = { /* the body */ };
///     finish(guard, verdict(&reply));
///     reply
/// }
/// ```
///
/// Name, signature, visibility and other attributes stay. The body of a synchronous function runs in a
/// closure, and one in which a `return`, a `?` or a macro is seen in an async block, so that it does not
/// leave past `finish`. A future grows by less than 256 bytes, with an async block by its arguments
/// too, however many of these attributes are on the function.
///
/// Of a function that returns a future, `impl Future` or `Pin<Box<dyn Future>>`, the call is recorded
/// from that future's first poll to its end; a boxed one is boxed once more. So are the methods of an
/// `#[async_trait]` impl.
///
/// # Limits
///
/// A `const fn` has no runtime to record in:
///
/// ```compile_fail
/// #[streamgauge::instrument_endpoint]
/// const fn answer() -> u32 {
///     42
/// }
/// ```
///
/// What is no function, or has no body, cannot be annotated; nor can a function twice:
///
/// ```compile_fail
/// #[streamgauge::instrument_endpoint]
/// struct Handler;
/// ```
///
/// ```compile_fail
/// trait Handler {
///     #[streamgauge::instrument_endpoint]
///     fn handle(&self);
/// }
/// ```
///
/// ```compile_fail
/// #[streamgauge::instrument_endpoint]
/// #[streamgauge::instrument_endpoint]
/// async fn handler() {}
/// ```
///
/// An endpoint is a route template of axum 0.8:
///
/// ```compile_fail
/// #[streamgauge::instrument_endpoint(endpoint = "/items/:id")]
/// async fn item() {}
/// ```
///
/// These compile, and are not quite as without the attribute:
///
/// - A future of a type with a name of its own (`Ready<T>`), or with bounds beyond `Send`, `Sync` and
///   `Unpin`, cannot be replaced by one that records: there the call is the making of it.
/// - In a synchronous function whose body may leave early, `#[track_caller]` tracks the attribute.
/// - A closure behind `impl Fn` needs the types of its arguments written.
/// - `#[tracing::instrument(err)]` on a method of an `#[async_trait]` impl goes above this attribute.
/// - Lints that look for what a function is made of do not see through a closure or an async block:
///   `unconditional_recursion`, and clippy's `needless_pass_by_value`, `needless_return`, `unused_async`,
///   `print_stdout`, `missing_errors_doc` and `missing_panics_doc`; and `used_underscore_binding`,
///   `type_complexity` and `result_large_err` are not reported of what is moved in.
/// - rustdoc shows an argument of a synchronous function that is a pattern as `__arg0`.
/// - A chain of more than 16 annotated async functions that all leave early and stand before the one they
///   call reaches the compiler's default `recursion_limit`; without attributes it takes 31.
///
/// [`PrometheusLayer`]: https://docs.rs/streamgauge/latest/streamgauge/struct.PrometheusLayer.html
#[proc_macro_attribute]
pub fn instrument_endpoint(args: TokenStream, item: TokenStream) -> TokenStream {
    attribute(instrument_endpoint::attribute, args, item)
}

/// Records the tokens of the model call that a function makes.
///
/// ```
/// use axum::Json;
/// use streamgauge::{TokenUsage, track_tokens};
///
/// #[derive(serde::Deserialize)]
/// struct Question {
///     model: String,
/// }
///
/// #[derive(serde::Serialize, TokenUsage)]
/// struct Answer {
///     #[token_usage(input)]
///     prompt_tokens: u64,
///     #[token_usage(output)]
///     completion_tokens: u64,
/// }
///
/// #[track_tokens(provider = "house", model = question.model)]
/// async fn ask(Json(question): Json<Question>) -> Json<Answer> {
///     Json(Answer { prompt_tokens: 12, completion_tokens: question.model.len() as u64 })
/// }
/// ```
///
/// # Arguments
///
/// | argument | value | default |
/// |---|---|---|
/// | `model` | the `model` label: text, or an expression over the arguments | what the reply says, see [`TokenUsage::model`] |
/// | `provider` | the `provider` label: text, or an expression over the arguments | empty, "not known" |
/// | `protocol` | how the reply's bytes are read: `"openai"`, `"anthropic"`, `"gemini"`, `"ollama"`, `"bedrock"`, or `"auto"` | the reply's type carries its usage |
/// | `endpoint` | the `endpoint` label | the request's; outside a request the function's name |
/// | `crate` | the path of streamgauge, where it has another name | `::streamgauge` |
///
/// # What it records
///
/// `token_usage_total`, `request_tokens` and `llm_calls_total` from the returned value, which is looked
/// through: `Result`, `Option`, `Json`, `Box`, references and tuples. A call that ends without usage is
/// counted in `usage_missing_total`. What `token_usage_context::record` is given while the function runs,
/// or while the stream that it returned flows, is counted under the same labels.
///
/// With a `protocol` usage, model and finish reason are read from the bytes of the reply as they pass, plain
/// JSON or a stream of it, and none of them is changed or held back. The call ends with those bytes; of a
/// client that leaves the usage so far counts. A reply with an error status is a call that failed, and is not
/// read; what is compressed cannot be, and its usage is missing as `unparsed`. The stream itself is not
/// recorded: that is what [`macro@streaming_metrics`] does, and with a `protocol` on both it is one call.
///
/// ```
/// use axum::{body::Body, response::Response};
/// use streamgauge::track_tokens;
///
/// # async fn upstream(_: Body) -> Response { Response::default() }
/// /// Passes on what another server replies.
/// #[track_tokens(protocol = "openai", provider = "openai")]
/// async fn proxy(request: Body) -> Response {
///     upstream(request).await
/// }
/// # drop(proxy(Body::empty()));
/// ```
///
/// # What it expands to
///
/// As [`macro@instrument_endpoint`] does: a guard before the body, a call with the result after it. `model`
/// and `provider` are read from the arguments before the body takes them.
///
/// # Limits
///
/// The reply must be able to carry usage:
///
/// ```compile_fail
/// #[streamgauge::track_tokens]
/// async fn ask() -> u32 {
///     42
/// }
/// ```
///
/// and there must be a reply:
///
/// ```compile_fail
/// #[streamgauge::track_tokens]
/// async fn ask() {}
/// ```
///
/// A label is text, and what it says must be sayable:
///
/// ```compile_fail
/// #[streamgauge::track_tokens(model = 7)]
/// async fn ask() -> streamgauge::Usage {
///     streamgauge::Usage::new(1, 2)
/// }
/// ```
///
/// ```compile_fail
/// // What is beyond the cap of the label is counted as `other`.
/// #[streamgauge::track_tokens(model = "other")]
/// async fn ask() -> streamgauge::Usage {
///     streamgauge::Usage::new(1, 2)
/// }
/// ```
///
/// Otherwise its limits are those of `instrument_endpoint`, and one more: what is left behind by a pattern
/// that `model` or `provider` takes a name from is dropped after the arguments instead of among them.
///
/// A `protocol` is read from `Response`, `Body`, `Sse<…>`, `impl IntoResponse`, `impl Stream`,
/// `Pin<Box<dyn Stream>>`, `Bytes`, `Vec<u8>`, `String`, `&str`, `Json<…>`, and a `Result`, an `Option` or a tuple
/// of one of them; from nothing else:
///
/// ```compile_fail
/// #[streamgauge::track_tokens(protocol = "openai")]
/// async fn ask() -> streamgauge::Usage {
///     streamgauge::Usage::new(1, 2)
/// }
/// ```
///
/// `Sse<…>`, `impl IntoResponse` and tuples have their bytes only when they are sent: they are read by the layer.
/// Beside a `streaming_metrics` with a `media_type` this attribute comes second.
///
/// The usage of a stream is read from its bytes, where a `protocol` is named here or by
/// [`macro@streaming_metrics`], or recorded by `token_usage_context`, which finds the call through the layer: without one, a call that
/// returns a stream is counted as one without usage. Where such a stream is read without a layer, the
/// labels are those of `streaming_metrics`.
///
/// [`TokenUsage::model`]: https://docs.rs/streamgauge/latest/streamgauge/trait.TokenUsage.html
#[proc_macro_attribute]
pub fn track_tokens(args: TokenStream, item: TokenStream) -> TokenStream {
    attribute(track_tokens::attribute, args, item)
}

/// Records the stream that a function returns.
///
/// ```
/// use async_stream::stream;
/// use axum::body::Bytes;
/// use futures_core::Stream;
/// use streamgauge::streaming_metrics;
///
/// // With a media type the function becomes a handler: it returns the stream as a response.
/// #[streaming_metrics(media_type = "text/plain; charset=utf-8")]
/// async fn numbers() -> impl Stream<Item = std::io::Result<Bytes>> {
///     stream! {
///         for n in 0..3 {
///             yield Ok(Bytes::from(format!("{n}\n")));
///         }
///     }
/// }
///
/// let app: axum::Router = axum::Router::new().route("/numbers", axum::routing::get(numbers));
/// ```
///
/// # Arguments
///
/// | argument | value | default |
/// |---|---|---|
/// | `media_type` | makes the function return a response of this `Content-Type` with the stream as its body | the return type stays |
/// | `protocol` | what the bytes of the stream are: `"openai"` (chat and Responses, and who speaks as they do), `"anthropic"`, `"gemini"`, `"ollama"`, `"bedrock"`, or `"auto"`, which is whichever the first frame that tells is of | they are not read |
/// | `endpoint` | the `endpoint` label | the request's; outside a request the function's name |
/// | `model` | the `model` label of the stream's pace and usage: text, or an expression over the arguments | what the reply says where a protocol is read, else empty |
/// | `provider` | the `provider` label of the usage that a protocol tells: text, or an expression over the arguments | empty, "not known" |
/// | `crate` | the path of streamgauge, where it has another name | `::streamgauge` |
///
/// # What it records
///
/// `active_streams`, `stream_chunks_total`, `stream_bytes_total`, `stream_duration_seconds` by outcome,
/// `stream_errors_total`, `time_to_first_chunk_seconds` and `inter_chunk_seconds`. The request's own
/// duration then ends at the response head. Comments of an event stream, which keep the connection alive,
/// are no chunks; a stream that is wrapped before it is a response is known as one of events by its
/// `protocol` alone.
///
/// With a `protocol` the bytes are read as they pass, and pass as they are:
///
/// ```
/// use axum::body::Bytes;
/// use futures_core::Stream;
/// use streamgauge::streaming_metrics;
/// # fn upstream(_: &str) -> impl Stream<Item = std::io::Result<Bytes>> + use<> {
/// #     async_stream::stream! { yield Ok(Bytes::new()) }
/// # }
///
/// #[streaming_metrics(media_type = "text/event-stream", protocol = "openai", provider = "house")]
/// async fn chat(question: String) -> impl Stream<Item = std::io::Result<Bytes>> {
///     upstream(&question)
/// }
/// # drop(chat(String::new()));
/// ```
///
/// - The stream's end is told by its end marker. One that ends without is `truncated`, one that is left
///   after it is `complete`; an error within the protocol makes it an `error_event`, and the request a
///   `server_error`, though its status was 200.
/// - The model call behind it: `token_usage_total`, `request_tokens` and `llm_calls_total` with its finish
///   reason, or `usage_missing_total`. Where the function is under [`macro@track_tokens`] as well, it is the
///   same one call.
/// - `time_to_first_token_seconds`, to the first content, reasoning or tool call; and
///   `time_per_output_token_seconds`, of complete streams.
///
/// Of a response that is compressed, or of a type such as images or archives have, nothing is read, and its
/// usage is missing as `unparsed`; one with an error status is no reply of a model.
///
/// # What it expands to
///
/// As [`macro@instrument_endpoint`] does, with a call after the body that wraps the stream in the reply. An
/// `impl Stream` and a `Pin<Box<dyn Stream>>` come back wrapped; a `Response` and a `Body` are metered in
/// place; an `Sse<…>`, or a response behind `impl IntoResponse`, is metered by the layer as it is sent.
///
/// # Limits
///
/// What is no stream cannot be metered:
///
/// ```compile_fail
/// #[streamgauge::streaming_metrics]
/// async fn numbers() -> Vec<u32> {
///     vec![1, 2, 3]
/// }
/// ```
///
/// A stream of a type with a name cannot be wrapped without changing that type; return it as
/// `impl Stream`:
///
/// ```compile_fail
/// use axum::body::{Body, BodyDataStream};
///
/// #[streamgauge::streaming_metrics]
/// fn parts(body: Body) -> BodyDataStream {
///     body.into_data_stream()
/// }
/// ```
///
/// The size of an item must be known. Server-sent events have one only when they are sent: put the
/// attribute on the function that returns `Sse<…>`, or let it make the response with a `media_type`.
///
/// ```compile_fail
/// use futures_core::Stream;
///
/// #[streamgauge::streaming_metrics]
/// fn numbers() -> impl Stream<Item = u32> {
///     async_stream::stream! { yield 1 }
/// }
/// ```
///
/// A protocol is one of those above:
///
/// ```compile_fail
/// use futures_core::Stream;
///
/// #[streamgauge::streaming_metrics(protocol = "open-ai")]
/// fn chat() -> impl Stream<Item = String> {
///     async_stream::stream! { yield String::new() }
/// }
/// ```
///
/// It is read from the bytes that an item shows: those of a `StreamChunk` of your own by its `payload`. What
/// is sent is what is read, so a stream of bare text has no protocol.
///
/// `media_type` makes a response of a stream, not of what is a response already:
///
/// ```compile_fail
/// use axum::response::Response;
///
/// #[streamgauge::streaming_metrics(media_type = "text/plain")]
/// async fn text() -> Response {
///     Response::default()
/// }
/// ```
///
/// Otherwise its limits are those of `instrument_endpoint`.
#[proc_macro_attribute]
pub fn streaming_metrics(args: TokenStream, item: TokenStream) -> TokenStream {
    attribute(streaming_metrics::attribute, args, item)
}

/// Implements the trait `TokenUsage` for a struct, from the fields that are marked with what they hold:
/// `#[token_usage(input)]`, `output`, `cache_read`, `cache_write`, `reasoning`, `model`, `nested` for a
/// field that has usage of its own, and `flatten` for one that has a part of the struct's.
///
/// Counts may be of any integer type, or an `Option` of one. `input` and `output` are totals: the other
/// three are parts of them. Where the input is told without its cached parts, it is marked `uncached` instead.
#[proc_macro_derive(TokenUsage, attributes(token_usage))]
pub fn derive_token_usage(input: TokenStream) -> TokenStream {
    token_usage::derive(input.into()).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// Implements the trait `ExceptionType`: an enum's values are named by their variant, a struct's by the
/// struct.
#[proc_macro_derive(ExceptionType, attributes(exception_type))]
pub fn derive_exception_type(input: TokenStream) -> TokenStream {
    exception_type::derive(input.into()).unwrap_or_else(|error| error.to_compile_error()).into()
}

type Tokens = proc_macro2::TokenStream;

fn attribute(
    expand: fn(Tokens, Tokens) -> syn::Result<Tokens>,
    args: TokenStream,
    item: TokenStream,
) -> TokenStream {
    let item = Tokens::from(item);
    expand(args.into(), item.clone()).unwrap_or_else(|error| report(&error, item)).into()
}
