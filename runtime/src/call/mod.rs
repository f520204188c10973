//! Model calls: what a call is, when it counts, and how it failed.
//!
//! A call is one exchange with a model. It starts when a tracked function is called and ends when
//! its reply has ended. [`report`] and [`CallError`] say why a call failed.

mod close;
mod current;
mod error;
mod guard;
mod handle;
mod inner;
mod llm_call;
mod parser;
mod rate_limit;
mod reply;
mod request_calls;

#[doc(hidden)]
pub use self::current::{EnterCall, EnteredCall, WithinCall, enter_call, within_call};
pub(crate) use self::current::{current_call, current_request_calls, within_request};
pub use self::error::{CallError, CallErrorType, report};
pub(crate) use self::guard::CallGuard;
pub(crate) use self::handle::CallHandle;
pub(crate) use self::llm_call::LlmCall;
pub(crate) use self::parser::ReplyParser;
pub(crate) use self::reply::{Reply, StreamTimes, UsageSource};
pub(crate) use self::request_calls::RequestCalls;
