//! `#[track_tokens]`: the token usage of model calls, in classes that add up to the total.

#[cfg(feature = "async-openai")]
mod async_openai;
#[cfg(feature = "aws-sdk-bedrockruntime")]
mod bedrock;
mod call;
mod context;
mod read;
mod reply;

pub use self::call::{TrackedCall, finish_call, finish_stream_call, start_call};
pub use self::context::token_usage_context;
#[cfg(feature = "axum")]
pub use self::read::read_sent;
pub use self::read::{ReadReply, read, read_ok, read_stream};
pub(crate) use self::reply::ReplyKind;
pub use self::reply::TokenUsage;
