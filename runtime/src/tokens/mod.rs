//! `#[track_tokens]`: the token usage of model calls, in classes that add up to the total.

#[cfg(feature = "async-openai")]
mod async_openai;
#[cfg(feature = "aws-sdk-bedrockruntime")]
mod bedrock;
mod context;
mod json_value;
mod read;
mod reply;
mod tracked_call;

pub use self::context::token_usage_context;
#[cfg(feature = "axum")]
pub use self::read::read_sent;
pub use self::read::{ReadReply, read, read_ok, read_stream};
pub(crate) use self::reply::ReplyKind;
pub use self::reply::TokenUsage;
pub use self::tracked_call::{TrackedCall, finish_call, finish_stream_call, start_call};
