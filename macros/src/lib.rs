//! The attributes and derive macros of [streamgauge](https://docs.rs/streamgauge).
//!
//! Depend on `streamgauge`, which re-exports them: the code that they generate calls into it.

// Each attribute has a module. It parses the arguments as written (`Args`), validates them together
// with the function into a struct that holds what the expansion needs, and expands that struct. All
// errors are collected on the way and reported at once, next to the original item.
//
// The attributes share `arguments` (parsing), `function` and `return_type` (the annotated
// function), `endpoint`, `label`, `operation` and `protocol` (values of arguments), `model_call`
// (what the two attributes for model calls have in common) and `wrap` (the body of the new
// function).

mod arguments;
mod endpoint;
mod errors;
mod exception_type;
mod function;
mod instrument_endpoint;
mod label;
mod model_call;
mod objective;
mod operation;
mod protocol;
mod return_type;
mod streaming_metrics;
mod suggest;
mod token_usage;
mod tokens;
mod track_tokens;
mod types;
mod wrap;

use proc_macro::TokenStream;

use crate::errors::report;

/// Names the endpoint of a handler and counts the errors that it returns. Outside a
/// [`PrometheusLayer`], also counts and times each call of the function.
///
/// The layer records every request by itself. The attribute adds what only the function can supply:
/// an endpoint name, and the type of the returned error. It also makes functions observable that
/// run without a layer, such as the handlers of a queue.
///
/// # Arguments
///
/// - `endpoint = "/items/{id}"`: the label `endpoint`, of at most 1024 bytes. The endpoint of a
///   handler is a route template of axum 0.8. That of another function may be a name without `/`,
///   braces and whitespace, such as `"nightly_import"`. Defaults to the matched route. Outside a
///   request, or if no route is known, defaults to the bare name of the function.
/// - `method = "GET"`: the label `method` outside a request: `GET`, `HEAD`, `POST`, `PUT`,
///   `DELETE`, `PATCH`, `OPTIONS`, `TRACE` or `CONNECT`. Defaults to empty, for an unknown method.
/// - `objective(success = 99.9, latency("250ms", 99.0))`: the share of the endpoint's requests, in
///   per cent, that must not fail through a fault of the server, and the share that has to take at
///   most this time. One of the two may be left out. Needs an `endpoint`. With the feature
///   `monitoring` of streamgauge, rules and alerts are written from it.
/// - `crate = my::streamgauge`: the path of the crate streamgauge if it has another name. Defaults
///   to `::streamgauge`.
///
/// # What is recorded
///
/// A function runs outside a request if no [`PrometheusLayer`] is serving a request on its thread:
/// in a service without the layer, or in a spawned task.
///
/// Within a request, in the instance whose layer serves the request:
///
/// - The endpoint of the request.
/// - `exceptions_total`, with the status of the response, if the function returns an `Err`.
/// - The outcome `panic` if the function panics, also if another layer turns the panic into a 5xx
///   response.
///
/// The first annotated function that runs in a request is its handler, even if the function is a
/// middleware. Annotated functions that run after it record nothing. Nothing is counted while a
/// skipped request is served.
///
/// Outside a request, in the global instance, the function records a request of its own:
///
/// - `http_requests_total`, `http_request_duration_seconds`, `active_requests` and `errors_total`.
/// - `exceptions_total` for an `Err`, and `global_exceptions_total` for a panic.
/// - The status is that of a returned `StatusCode`, `Response` or tuple that begins with a
///   `StatusCode`, also within an `Ok` or an `Err`. Otherwise an `Err` is recorded as 500, whatever
///   status it would become, and every other value as 200.
/// - A call that is dropped before its end has the outcome `cancelled`. A call that panics has the
///   outcome `panic`.
///
/// Each counted error also emits a `tracing` event.
///
/// # What it expands to
///
/// A guard before the body, and a call that closes the guard with the return value:
///
/// ```text
/// async fn item(Path(id): Path<u64>) -> Result<Json<Item>, StatusCode> {
///     let guard = start(&SITE);
///     let value = { /* the body */ };
///     finish(guard, inspect(&value));
///     value
/// }
/// ```
///
/// Name, signature, visibility and other attributes stay as they are. The body of a synchronous
/// function moves into a closure. The body of an async function moves into an async block if it
/// contains a `return`, a `?` or a macro call, so that these do not leave the function before
/// `finish`. A future grows by less than 256 bytes, and with an async block by the size of its
/// arguments.
///
/// For a function that returns an `impl Future` or a `Pin<Box<dyn Future>>` the call lasts from the
/// first poll of that future to its end; a boxed future is boxed a second time. The same holds for
/// the methods of an `#[async_trait]` impl.
///
/// # Compile errors
///
/// Every argument is checked, and all mistakes are reported at once.
///
/// A `const fn` cannot record, because it may run at compile time:
///
/// ```compile_fail
/// #[streamgauge::instrument_endpoint]
/// const fn answer() -> u32 {
///     42
/// }
/// ```
///
/// Items that are not functions, functions without a body, and functions that have the attribute
/// already cannot be annotated:
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
/// # Panics
///
/// The attribute adds no panics. A panic in the function is recorded and goes on unwinding. A
/// returned `impl Future` panics if it is polled after its end, like the future of an async
/// function.
///
/// # Limits
///
/// The following functions compile, but do not behave entirely as without the attribute:
///
/// - For a future of a named type (`Ready<T>`), or one with other bounds than `Send`, `Sync` and
///   `Unpin`, only the creation of the future is recorded.
/// - In a synchronous function whose body may return early, `#[track_caller]` reports the location
///   of the attribute.
/// - A closure that is returned as `impl Fn` needs the types of its arguments written.
/// - `#[tracing::instrument(err)]` on a method of an `#[async_trait]` impl has to stand above this
///   attribute.
/// - Some lints do not look into closures and async blocks: `unconditional_recursion`, and clippy's
///   `needless_pass_by_value`, `needless_return`, `unused_async`, `print_stdout`,
///   `missing_errors_doc` and `missing_panics_doc`. Clippy's `used_underscore_binding`,
///   `type_complexity` and `result_large_err` are not reported for values that move into one.
/// - rustdoc shows a pattern among the arguments of a synchronous function as `__arg0`.
/// - A chain of more than 16 annotated async functions that all may return early, each defined
///   before the one it calls, exceeds the compiler's default `recursion_limit`. Without attributes,
///   a chain of 31 functions exceeds it.
///
/// # Examples
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
/// [`PrometheusLayer`]: https://docs.rs/streamgauge/latest/streamgauge/struct.PrometheusLayer.html
#[proc_macro_attribute]
pub fn instrument_endpoint(args: TokenStream, item: TokenStream) -> TokenStream {
    attribute(instrument_endpoint::attribute, args, item)
}

/// Records the model call that a function makes: its tokens, its duration, and how it ends.
///
/// A model call is one exchange with a model. It starts when the function is called (an `async`
/// function: when its future is first polled) and ends when the reply has ended. The attribute
/// reads the usage from the reply, so that the function needs no code for metrics: from a return
/// value that implements [`TokenUsage`], or, with a `protocol`, from the bytes of the reply as they
/// pass.
///
/// # Arguments
///
/// - `model = "small-1"`: the label `model`: text of at most 128 bytes, or an expression over the
///   function's arguments. Its type is `&str`, `String` or `Cow<str>`, or an `Option`, `Box` or
///   `Arc` of one of them. The attribute borrows the value and copies its text. Defaults to the
///   model that the reply names, see [`TokenUsage::model`].
/// - `provider = "house"`: the label `provider`, like `model`. Defaults to empty, for an unknown
///   provider.
/// - `operation = "chat"`: the label `operation`: `"chat"`, `"completion"`, `"embedding"`,
///   `"rerank"`, `"transcription"`, `"image"` or `"other"`. Defaults to the operation that the
///   reply shows: with a `protocol`, or if the reply is a provider's JSON or a type of its client.
///   Otherwise defaults to empty.
/// - `protocol = "openai"`: the model API whose replies the function returns as bytes: `"openai"`,
///   `"anthropic"`, `"gemini"`, `"ollama"`, `"bedrock"`, `"cohere"`, or `"auto"` to detect it.
///   Without it the usage is read from a returned value that implements [`TokenUsage`].
/// - `endpoint = "/chat"`: the label `endpoint`, as in [`macro@instrument_endpoint`]. Defaults to
///   the endpoint of the request; outside a request, to the bare name of the function.
/// - `separate`, without a value: the function always counts as a call of its own, whatever tracked
///   functions it calls: see [Calls within calls](#calls-within-calls).
/// - `crate = my::streamgauge`: the path of the crate streamgauge if it has another name. Defaults
///   to `::streamgauge`.
///
/// # What is recorded
///
/// A function runs outside a request if no [`PrometheusLayer`] is serving a request on its thread:
/// in a service without the layer, or in a spawned task. It then records in the global instance.
///
/// - `llm_calls_total`, once per call, when the reply has ended. The label `finish_reason` is
///   `stop`, `length`, `tool_calls`, `content_filter`, `error`, `cancelled`, `other`, or empty if
///   it is not known. `error_type` says why the call failed.
/// - `llm_call_duration_seconds`, by outcome: `success`, `error`, `truncated`, or `cancelled` if
///   the function or its reply is dropped: see [Cancel safety](#cancel-safety).
/// - `token_usage_total` and `request_tokens`, in tokens.
/// - `usage_missing_total`, for a call without usage that has not failed. The label `reason` is
///   `not_sent`, `disconnected` if the call was cancelled, or `unparsed` if the usage could not be
///   read. It is `partly` if the input or the output was read, and the other could not be.
/// - `cost_usd_total` and `unpriced_calls_total`, if any model has a price, and
///   `provider_cost_usd_total`, if the reply says what the call cost.
/// - `llm_calls_per_request` and `llm_overhead_seconds`, once per request that made calls.
/// - `llm_rate_limit_remaining`, if the reply is a response with headers that say it.
///
/// A `model` or `provider` that is longer than 128 bytes, or past the limit of values (100 by
/// default), becomes `other`. Restrict a `model` that comes from a client's request with `models`
/// of [`MetricsBuilder`].
///
/// Usage that `token_usage_context::record` receives while the function runs is added to its call,
/// and to the usage that the function returns.
///
/// Without a `protocol`, usage is also read from a value in a `Result`, an `Option`, a `Json`, a
/// `Box`, an `Arc`, a reference, or the last element of a tuple.
///
/// # Why a call failed
///
/// The label `error_type` has a closed set of values, those of `call::CallErrorType`. The first of
/// these that says anything decides:
///
/// 1. The error that the function has reported with `call::report`.
/// 2. The status of an error: of a returned `Response`, `StatusCode` or tuple that begins with a
///    status.
/// 3. A returned `Err` whose type implements `call::CallError`, such as a `StatusCode`, an
///    `std::io::Error`, or, with the feature `reqwest`, a `reqwest::Error`. An `Err` of any other
///    type is `other`.
/// 4. The reply: an error within the protocol is `protocol`, a reply that a content filter stopped
///    is `content_filter`, and one that ended too early is `truncated`.
///
/// # Calls within calls
///
/// One reply is one call, however many attributes it passes through: two on one function, or those
/// of functions that call each other. A tracked function is a call of its own, unless its reply
/// belongs to calls of tracked functions that run within it:
///
/// 1. Its reply is the body or the stream that such a call reads.
/// 2. Its usage equals that of one of these calls, or the sum over all of them.
/// 3. It has no usage.
///
/// Then the inner calls count, and this function adds none. So a handler that tries two models
/// through a tracked function may be tracked as well: two calls are recorded. A function that makes
/// a call of its own beside tracked ones, with other usage, counts as one more. With `separate` it
/// always counts.
///
/// A label comes from the attribute of the call that counts. If that attribute does not name it,
/// the label comes from the next attribute around it that does. Only then does it come from the
/// reply (`model`, `operation`) or from the request (`endpoint`).
///
/// A spawned task is outside the request and outside the call. `token_usage_context::Handle::scope`
/// makes the model calls and the metered streams of a future in such a task part of both.
///
/// # With a `protocol`
///
/// - Usage, model and finish reason are parsed from the bytes of the reply, which are a JSON
///   document or a stream.
/// - A streamed reply also has `llm_call_time_to_first_token_seconds`,
///   `time_to_first_token_seconds`, `time_to_first_answer_seconds` and, if it is complete,
///   `time_per_output_token_seconds`. A whole reply has none of them.
/// - Bytes that pass are not changed or buffered. A `Json<…>` is serialized a second time for this
///   purpose.
/// - The model call ends when the last byte is sent. If the client disconnects earlier, the usage
///   sent so far is recorded. If there was none, the model call is counted in `usage_missing_total`
///   with the reason `disconnected`.
/// - Usage that `token_usage_context::record` receives while the source of the bytes runs describes
///   the same reply: per count, the larger of the recorded and the parsed count is used.
/// - A response with an error status is a failed model call with `finish_reason="error"`, and is
///   not parsed.
/// - A response that is compressed, or has a binary media type other than Amazon's event stream,
///   such as an image or an archive, is not parsed. Its model call is counted in
///   `usage_missing_total` with the reason `unparsed`. A proxy should remove `accept-encoding` from
///   the requests that are passed on.
/// - `OpenAI` sends the usage of a streamed chat completion only if the request contains
///   `"stream_options": {"include_usage": true}`.
///
/// A `protocol` can be read from every type that axum accepts from a handler:
///
/// - `Response`, `Body`, `impl Stream` and `Pin<Box<dyn Stream>>`, as they are sent.
/// - `Bytes`, `Vec<u8>`, `String`, `&str` and `Json<…>`, before the function returns.
/// - `reqwest::Response`, as it is read, with the feature `reqwest` of streamgauge.
/// - Every other type that implements `IntoResponse`, by the layer: `Sse<…>`, `Html<…>`, tuples
///   with a status or headers, types of your own. Their bytes exist only when they are sent.
///   Outside a request their usage is missing, and a warning is logged once.
/// - `impl IntoResponse`, which is returned in a wrapper: the response is parsed as it is sent.
/// - A `Result` or an `Option` of one of these types, also of a `Result` in a `Result`. An `Err` at
///   any level, a `StatusCode` of an error and a tuple that begins with one are failed calls.
///
/// # Streams
///
/// The attribute does not meter the stream itself; [`macro@streaming_metrics`] does. Both
/// attributes may annotate one function:
///
/// - They record one model call. If both name a label of it, the upper one wins, because it is the
///   inner one. The stream families have the `endpoint` of `streaming_metrics`, and the `model` of
///   the call that is parsed.
/// - Place `track_tokens` below a `streaming_metrics` that has a `media_type`. The upper attribute
///   is expanded first and makes the return type a response. In the other order, `track_tokens`
///   with a `protocol` does not compile for a stream of axum's `Event` or of a named type, or for a
///   stream in a tuple.
///
/// The usage of a stream comes from its bytes, if one of the two attributes has a `protocol`, or
/// from `token_usage_context` while the stream is sent within a request. Otherwise the model call
/// is counted as one without usage.
///
/// # What it expands to
///
/// As [`macro@instrument_endpoint`]: a guard before the body, and a call that closes the guard with
/// the return value. `model` and `provider` are evaluated before the body moves the arguments.
///
/// The body runs within the call of the guard, so that calls of other tracked functions in it are
/// made within that call. The body of an async function always moves into an async block, which is
/// polled within the call:
///
/// ```text
/// async fn ask(question: String) -> Result<Answer, Error> {
///     let guard = start_call(&SITE);
///     let reply = within_call(&guard, async move { /* the body */ }).await;
///     finish_call(guard, &reply);
///     reply
/// }
/// ```
///
/// # Compile errors
///
/// The return type must be able to carry usage:
///
/// ```compile_fail
/// #[streamgauge::track_tokens]
/// async fn ask() -> u32 {
///     42
/// }
/// ```
///
/// The function must return a value:
///
/// ```compile_fail
/// #[streamgauge::track_tokens]
/// async fn ask() {}
/// ```
///
/// A label value must be text:
///
/// ```compile_fail
/// #[streamgauge::track_tokens(model = 7)]
/// async fn ask() -> streamgauge::Usage {
///     streamgauge::Usage::new(1, 2)
/// }
/// ```
///
/// The value `other` is reserved for values over the limits of a label:
///
/// ```compile_fail
/// #[streamgauge::track_tokens(model = "other")]
/// async fn ask() -> streamgauge::Usage {
///     streamgauge::Usage::new(1, 2)
/// }
/// ```
///
/// With a `protocol` the return value must contain bytes:
///
/// ```compile_fail
/// #[streamgauge::track_tokens(protocol = "openai")]
/// async fn ask() -> streamgauge::Usage {
///     streamgauge::Usage::new(1, 2)
/// }
/// ```
///
/// The errors of [`macro@instrument_endpoint`] apply as well.
///
/// # Limits
///
/// Those of [`macro@instrument_endpoint`], and:
///
/// - A pattern among the arguments that `model` or `provider` uses changes the order of drops: with
///   `model = question.model` and an argument `Wrapper { question, .. }`, the fields under `..` are
///   dropped last.
/// - A chain of more than 12 async functions with this attribute, each defined before the one it
///   calls, exceeds the compiler's default `recursion_limit`.
///
/// # Cancel safety
///
/// The attribute does not change whether the function is cancel safe. A call whose function or
/// reply is dropped is recorded with the outcome `cancelled`: the client disconnected, a timeout
/// fired, or another call was faster. Usage that was known by then is recorded.
///
/// # Examples
///
/// A return value that carries usage:
///
/// ```
/// use axum::{Json, Router, routing::post};
/// use streamgauge::{Metrics, TokenUsage, track_tokens};
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
///
/// // Clients write the model's name. Without this list, a client that invents a hundred names
/// // uses up the limit of the label's values, and real models become `other` until a restart.
/// let metrics = Metrics::builder().models(["large-1", "small-1"]).build()?;
/// let app: Router = Router::new().route("/ask", post(ask)).layer(metrics.layer());
/// # Ok::<(), streamgauge::BuildError>(())
/// ```
///
/// A proxy that parses the replies of a model as they pass:
///
/// ```
/// use axum::{body::Body, response::Response};
/// use streamgauge::track_tokens;
///
/// # async fn upstream(_: Body) -> Response { Response::default() }
/// #[track_tokens(protocol = "openai", provider = "openai")]
/// async fn proxy(request: Body) -> Response {
///     upstream(request).await
/// }
/// # drop(proxy(Body::empty()));
/// ```
///
/// [`MetricsBuilder`]: https://docs.rs/streamgauge/latest/streamgauge/struct.MetricsBuilder.html
/// [`PrometheusLayer`]: https://docs.rs/streamgauge/latest/streamgauge/struct.PrometheusLayer.html
/// [`TokenUsage`]: https://docs.rs/streamgauge/latest/streamgauge/trait.TokenUsage.html
/// [`TokenUsage::model`]: https://docs.rs/streamgauge/latest/streamgauge/trait.TokenUsage.html
#[proc_macro_attribute]
pub fn track_tokens(args: TokenStream, item: TokenStream) -> TokenStream {
    attribute(track_tokens::attribute, args, item)
}

/// Meters the stream that a function returns: its chunks and bytes, its duration, the times between
/// chunks, and how it ends.
///
/// For a streamed response, `http_request_duration_seconds` ends at the response head and does not
/// describe the stream. The attribute records the stream until it ends, fails, or the client
/// disconnects. With a `protocol` it also records the model call whose reply the stream is.
///
/// # Arguments
///
/// - `media_type = "text/event-stream"`: makes the function return a response with this
///   `Content-Type` and the stream as its body. The stream must be `Send + 'static`, and its items
///   bytes, text, another [`ResponseChunk`], axum's `Event`, or a `Result` of one of them. The
///   function may return a status and headers before the stream, in a tuple as axum accepts it:
///   `(StatusCode, HeaderMap, impl Stream)`. A `Content-Type` among these headers is replaced by
///   the media type. Without this argument the return type stays.
/// - `protocol = "openai"`: the model API whose frames the stream consists of: `"openai"` (chat
///   completions and Responses, also of compatible servers), `"anthropic"`, `"gemini"`, `"ollama"`,
///   `"bedrock"` (Converse and invoke requests, in JSON or as a binary event stream), `"cohere"`
///   (versions 1 and 2), or `"auto"` to detect it from the first frame that shows it. Without it
///   the bytes are not parsed.
/// - `endpoint = "/chat"`: the label `endpoint`, as in [`macro@instrument_endpoint`]. Defaults to
///   the endpoint of the request; outside a request, to the bare name of the function.
/// - `model = "small-1"`: the label `model` of `time_to_first_chunk_seconds`, of
///   `inter_chunk_seconds` and of the model call: text or an expression, as in
///   [`macro@track_tokens`]. Defaults to the model that the reply names if there is a `protocol`,
///   otherwise to empty.
/// - `provider = "house"`: the label `provider` of the model call, like `model`. Needs a
///   `protocol`. Defaults to empty, for an unknown provider.
/// - `operation = "chat"`: the label `operation` of the model call, as in [`macro@track_tokens`].
///   Needs a `protocol`. Defaults to the operation that the reply shows.
/// - `objective(first_token("1s", 95.0))`: the share of the streamed replies, in per cent, whose
///   first token has to come within this time after the arrival of the request. Needs an `endpoint`
///   and a `protocol`. With the feature `monitoring` of streamgauge, rules and alerts are written
///   from it.
/// - `crate = my::streamgauge`: the path of the crate streamgauge if it has another name. Defaults
///   to `::streamgauge`.
///
/// # What is recorded
///
/// A function runs outside a request if no [`PrometheusLayer`] is serving a request on its thread:
/// in a service without the layer, or in a spawned task. It then records in the global instance,
/// except a response that only the layer can meter, which is not recorded: a warning is logged
/// once.
///
/// - `active_streams`, from the creation of the metered stream to its end.
/// - `stream_chunks_total` and `stream_bytes_total`.
/// - `stream_duration_seconds` by outcome, from the first poll, or from the response head if that
///   was earlier.
/// - `stream_errors_total`: `Err` items, error frames and panics.
/// - `time_to_first_chunk_seconds`, from the arrival of the request; outside a request, from the
///   creation of the stream.
/// - `inter_chunk_seconds`, between two chunks.
///
/// Of streams within each other the outermost counts, because it is what the client receives. A
/// stream that is polled within another metered stream before its first chunk records nothing.
///
/// The outcomes of a stream:
///
/// - `complete`: the stream has ended.
/// - `client_disconnect`: the stream was dropped before its end: see
///   [Cancel safety](#cancel-safety).
/// - `stream_error`: an item was an `Err`, even if the stream went on.
/// - `error_event`: a frame of the `protocol` was an error. The outcome of the request is
///   `server_error`, although its status was 200.
/// - `truncated`: the stream has ended without a finish reason and without the end marker of its
///   `protocol`.
/// - `panic`: the stream panicked, or was dropped while a panic unwound.
///
/// Comments of an event stream, such as keep-alives, are counted neither as chunks nor as bytes. In
/// a returned stream or `Body` without a `media_type`, they are recognized only with a `protocol`.
///
/// # With a `protocol`
///
/// - Bytes are parsed as they pass. They are not changed or buffered.
/// - The reply decides whether it is a stream. A JSON document, by its `Content-Type`, is a model
///   call and not a stream. So one attribute is enough on a handler that replies with JSON or with
///   events.
/// - If the client disconnects after the end marker, the outcome is `complete`.
/// - The model call is recorded as by [`macro@track_tokens`], and one reply is one call there too:
///   see [Calls within calls](macro@track_tokens#calls-within-calls).
/// - `time_to_first_token_seconds`: the seconds from the arrival of the request (outside a request,
///   from the start of the call) to the first chunk with generated content, reasoning or a tool
///   call. `time_to_first_answer_seconds` leaves reasoning out.
///   `llm_call_time_to_first_token_seconds` begins with the call.
/// - `time_per_output_token_seconds`: the seconds between the first and the last such chunk,
///   divided by the number of output tokens less one. Recorded for successful calls with at least
///   2 output tokens.
/// - A response with an error status is a failed model call, and not a stream. It is not parsed.
/// - A response that is compressed, or has a binary media type other than Amazon's event stream,
///   such as an image or an archive, is metered but not parsed. Its model call is counted in
///   `usage_missing_total` with the reason `unparsed`.
///
/// # What it expands to
///
/// As [`macro@instrument_endpoint`], with a call after the body that wraps the stream in the return
/// value:
///
/// - An `impl Stream`, a `Pin<Box<dyn Stream>>` and an `impl IntoResponse` are returned in a
///   wrapper.
/// - A `Response` and a `Body` are metered in place.
/// - Every other type that implements `IntoResponse` is metered by the layer when it is sent:
///   `Sse<…>`, `Json<…>`, tuples with a status or headers, types of your own.
/// - A `Result` is metered in the same way as its `Ok` value.
///
/// With a `protocol` the body runs within the model call, as with [`macro@track_tokens`].
///
/// # Compile errors
///
/// The return type must be a stream, or implement axum's `IntoResponse`:
///
/// ```compile_fail
/// #[streamgauge::streaming_metrics]
/// async fn numbers() -> Vec<u32> {
///     vec![1, 2, 3]
/// }
/// ```
///
/// A stream of a named type cannot be wrapped without changing that type: return `impl Stream`
/// instead. This does not compile:
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
/// The items must have a size in bytes. Server-sent events have one only when they are sent: put
/// the attribute on the function that returns `Sse<…>`, or add a `media_type`.
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
/// The protocol must be one that the library can parse:
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
/// `media_type` turns a stream into a response, and needs a function that does not return a
/// response already:
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
/// The errors of [`macro@instrument_endpoint`] apply as well.
///
/// # Limits
///
/// Those of [`macro@instrument_endpoint`]. A protocol is parsed from the bytes of the items. A
/// [`StreamChunk`] of your own has to return them from `payload`. Items of plain text, from which
/// another function makes events later, have no protocol.
///
/// # Cancel safety
///
/// The attribute does not change whether the function and its stream are cancel safe. A stream that
/// is dropped before its end has the outcome `client_disconnect`, also if your own code drops it,
/// as in `take(5)`. Its model call has the outcome `cancelled`. Chunks, bytes and usage that were
/// sent by then are recorded.
///
/// # Examples
///
/// With a `media_type` a function that returns a stream becomes a handler:
///
/// ```
/// use async_stream::stream;
/// use axum::body::Bytes;
/// use futures_core::Stream;
/// use streamgauge::streaming_metrics;
///
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
/// A status and headers beside the stream:
///
/// ```
/// use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
/// use futures_core::Stream;
/// use streamgauge::streaming_metrics;
///
/// #[streaming_metrics(media_type = "text/csv")]
/// async fn rows() -> (StatusCode, HeaderMap, impl Stream<Item = String>) {
///     let mut headers = HeaderMap::new();
///     headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
///     (StatusCode::ACCEPTED, headers, async_stream::stream! { yield "1,2\n".to_owned() })
/// }
///
/// let app: axum::Router = axum::Router::new().route("/rows", axum::routing::get(rows));
/// ```
///
/// With a `protocol` the model call is recorded too:
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
/// [`PrometheusLayer`]: https://docs.rs/streamgauge/latest/streamgauge/struct.PrometheusLayer.html
/// [`ResponseChunk`]: https://docs.rs/streamgauge/latest/streamgauge/trait.ResponseChunk.html
/// [`StreamChunk`]: https://docs.rs/streamgauge/latest/streamgauge/trait.StreamChunk.html
#[proc_macro_attribute]
pub fn streaming_metrics(args: TokenStream, item: TokenStream) -> TokenStream {
    attribute(streaming_metrics::attribute, args, item)
}

/// Implements the trait `TokenUsage` for a struct, from fields that are marked with their roles.
///
/// `#[track_tokens]` then records the usage of functions that return the struct.
///
/// # Arguments
///
/// On a field, `#[token_usage(role)]`. A count is a number of tokens, of any integer type, or a
/// `NonZero` or an `Option` of one. A negative count is treated as not known.
///
/// - `input`: all input tokens, cached ones included.
/// - `uncached`: instead of `input`, the input tokens without cached ones, to which `cache_read`,
///   `cache_write` and `cache_write_1h` are added (Anthropic).
/// - `cache_read`, `cache_write`: input tokens that were read from or written to a cache.
/// - `cache_write_1h`: input tokens that were written to a cache for one hour. They are not part of
///   `cache_write`, which are those written for five minutes.
/// - `input_audio`, `input_image`: input tokens that stand for audio or images.
/// - `output`: all output tokens, reasoning included.
/// - `reasoning`: output tokens that the model spent on reasoning.
/// - `output_audio`, `output_image`: output tokens that stand for audio or images.
/// - `model`: the model that the reply names: a string, or an `Option` of one.
/// - `flatten`: another `TokenUsage` with some of the counts. Counts of this struct take
///   precedence.
/// - `nested`: another `TokenUsage`, which is used if this struct has no counts of its own.
///
/// Several fields can be marked `flatten` or `nested`. Of several `nested` fields, the first that
/// has usage is used.
///
/// On the struct, `#[token_usage(crate = my::streamgauge)]` is the path of the crate streamgauge if
/// it has another name.
///
/// # Compile errors
///
/// At least one field must hold usage. A role other than `flatten` and `nested` may be given to
/// only one field. For enums and unions, implement the trait by hand.
///
/// ```compile_fail
/// #[derive(streamgauge::TokenUsage)]
/// struct Answer {
///     prompt_tokens: u64,
/// }
/// ```
///
/// # Examples
///
/// ```
/// use streamgauge::{TokenUsage, Usage};
///
/// #[derive(TokenUsage)]
/// struct Reply {
///     #[token_usage(model)]
///     model: String,
///     #[token_usage(nested)]
///     usage: Option<Counts>,
/// }
///
/// #[derive(TokenUsage)]
/// struct Counts {
///     #[token_usage(input)]
///     prompt_tokens: u32,
///     #[token_usage(output)]
///     completion_tokens: u32,
/// }
///
/// let usage = Some(Counts { prompt_tokens: 12, completion_tokens: 34 });
/// let reply = Reply { model: "small-1".to_owned(), usage };
/// assert_eq!(reply.token_usage(), Some(Usage::new(12, 34)));
/// assert_eq!(reply.model(), Some("small-1"));
/// ```
#[proc_macro_derive(TokenUsage, attributes(token_usage))]
pub fn derive_token_usage(input: TokenStream) -> TokenStream {
    token_usage::derive(input.into()).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// Implements the trait `ExceptionType` for an error: its `exception_type` is the name of the
/// variant, or of the struct.
///
/// The label `exception_type` of `exceptions_total` is otherwise the name of the error's type,
/// which is the same for all variants of an enum.
///
/// # Arguments
///
/// On the type, `#[exception_type(crate = my::streamgauge)]` is the path of the crate streamgauge
/// if it has another name. `#[exception_type]` is not allowed on variants and their fields.
///
/// # Compile errors
///
/// The trait cannot be derived for a union.
///
/// ```compile_fail
/// #[derive(streamgauge::ExceptionType)]
/// union Either {
///     number: u32,
///     text: &'static str,
/// }
/// ```
///
/// # Examples
///
/// ```
/// use streamgauge::ExceptionType;
///
/// #[derive(ExceptionType)]
/// enum OrderError {
///     OutOfStock { item: u64 },
///     Declined(String),
/// }
///
/// let error = OrderError::Declined("card 4711 has expired".to_owned());
/// assert_eq!(error.exception_type(), "Declined");
/// # drop(OrderError::OutOfStock { item: 1 });
/// ```
#[proc_macro_derive(ExceptionType, attributes(exception_type))]
pub fn derive_exception_type(input: TokenStream) -> TokenStream {
    exception_type::derive(input.into()).unwrap_or_else(|error| error.to_compile_error()).into()
}

type TokenStream2 = proc_macro2::TokenStream;

/// Expands an attribute. If there are errors, the item stays as it is next to them.
fn attribute(
    expand: fn(TokenStream2, TokenStream2) -> syn::Result<TokenStream2>,
    args: TokenStream,
    item: TokenStream,
) -> TokenStream {
    let item = TokenStream2::from(item);
    expand(args.into(), item.clone()).unwrap_or_else(|error| report(&error, item)).into()
}
