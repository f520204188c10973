//! `#[track_tokens]`: what model calls consumed, in classes that add up.

mod call;
mod context;
mod reply;

pub use self::call::{TokenCall, finish_call, finish_stream_call, start_call};
pub use self::context::token_usage_context;
pub(crate) use self::reply::ReplyKind;
pub use self::reply::TokenUsage;
