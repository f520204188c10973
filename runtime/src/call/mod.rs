//! Model calls: what a call is, when it counts, and why it failed.
//!
//! A call is one exchange with a model. It starts when a tracked function is called (an `async`
//! function: when its future is first polled), and ends when its reply has ended. It is then
//! recorded once, with provider, model, operation, duration, usage and cost. A tracked function has
//! `#[track_tokens]`, or `#[streaming_metrics]` and a `protocol`.
//!
//! # Which calls count
//!
//! One reply is one call, however many attributes it passes through. A tracked function is a call
//! of its own, unless its reply belongs to calls of tracked functions that run within it:
//!
//! 1. Its reply is the body or the stream that such a call reads: their bytes begin alike, and its
//!    usage is not larger.
//! 2. Its usage equals that of one of these calls, or the sum over all of them, or over those whose
//!    replies were not cut off. If its own reply was cut off, the output may also be less.
//! 3. It has no usage, or its counts are zero.
//!
//! Input and output are compared, as far as both sides know them.
//!
//! Then the inner calls count. Labels that their attributes do not name are taken from the
//! attributes around them. `#[track_tokens(separate)]` always counts. Each instance counts the
//! calls that it records, whatever another instance counts.
//!
//! # Why a call failed
//!
//! [`CallErrorType`] has the values of the label `error_type`. The type follows from the status of
//! the reply, from an error within the protocol, or from the `Err` that the function returns, if
//! its type implements [`CallError`]. [`report`] supplies the type where none of them says why.
//!
//! # Rate limits
//!
//! `llm_rate_limit_remaining` is read from these headers of a reply that is a response, of axum or
//! of reqwest. A value that is not a whole number is ignored. Of several headers for one `resource`
//! the first in this table counts.
//!
//! | header | `resource` | providers |
//! |---|---|---|
//! | `x-ratelimit-remaining-requests` | `requests` | `OpenAI`, Azure, Groq, xAI, Fireworks |
//! | `x-ratelimit-remaining-tokens` | `tokens` | `OpenAI`, Azure, Groq, xAI |
//! | `anthropic-ratelimit-requests-remaining` | `requests` | Anthropic |
//! | `anthropic-ratelimit-tokens-remaining` | `tokens` | Anthropic |
//! | `anthropic-ratelimit-input-tokens-remaining` | `input_tokens` | Anthropic |
//! | `anthropic-ratelimit-output-tokens-remaining` | `output_tokens` | Anthropic |
//! | `x-ratelimit-remaining-tokens-prompt` | `input_tokens` | Fireworks |
//! | `x-ratelimit-remaining-tokens-generated` | `output_tokens` | Fireworks |
//! | `x-ratelimit-remaining-requests-day` | `requests` | Cerebras |
//! | `x-ratelimit-remaining-tokens-minute` | `tokens` | Cerebras, Mistral |
//! | `x-ratelimit-remaining-req-minute` | `requests` | Mistral |
//! | `x-ratelimit-remaining` | `requests` | Together |
//! | `x-tokenlimit-remaining` | `tokens` | Together |
//!
//! # Examples
//!
//! Each attempt is a call. The function around them adds none, because its usage is that of an
//! attempt, or it has none:
//!
//! ```
//! use axum::http::StatusCode;
//! use streamgauge::{Usage, track_tokens};
//!
//! #[track_tokens(operation = "chat")]
//! async fn ask(question: &str) -> Result<Usage, StatusCode> {
//!     match attempt("first", question).await {
//!         Err(StatusCode::TOO_MANY_REQUESTS) => attempt("second", question).await,
//!         reply => reply,
//!     }
//! }
//!
//! #[track_tokens(provider = provider)]
//! async fn attempt(provider: &str, question: &str) -> Result<Usage, StatusCode> {
//!     // Sends the question to the provider.
//! #    let _ = provider;
//!     Ok(Usage::new(question.len() as u64, 1))
//! }
//! # drop(ask(""));
//! ```

mod close;
pub(crate) mod current;
mod error;
mod guard;
mod handle;
mod inner;
mod llm_call;
mod parser;
mod rate_limit;
mod reply;
mod request_calls;
mod start;

pub(crate) use self::current::{EnterCall, EnteredCall, enter_call};
pub(crate) use self::current::{
    current_call, current_request_calls, is_in_disabled_stream, within_request,
};
pub use self::error::{CallError, CallErrorType, report};
pub(crate) use self::guard::CallGuard;
pub(crate) use self::handle::CallHandle;
pub(crate) use self::llm_call::LlmCall;
pub(crate) use self::parser::ReplyParser;
pub(crate) use self::reply::{Reply, StreamTimes, UsageSource};
pub(crate) use self::request_calls::RequestCalls;
