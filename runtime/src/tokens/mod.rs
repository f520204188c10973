//! `#[track_tokens]`: the calls of tracked functions, from a value that carries usage, from bytes
//! that are parsed, or from usage that user code records. What a call is, is in [`crate::call`].

#[cfg(feature = "async-openai")]
mod async_openai;
#[cfg(feature = "aws-sdk-bedrockruntime")]
mod bedrock;
mod context;
mod json_value;
mod read;
mod reply;
#[cfg(feature = "reqwest")]
mod reqwest;
mod tracked_call;

pub use self::context::token_usage_context;
pub use self::read::{ReadReply, read_ok, read_stream};
#[cfg(feature = "axum")]
pub(crate) use self::read::{read_sent, read_sent_with_status};
pub use self::reply::TokenUsage;
pub(crate) use self::reply::{ReplyDetails, ReplyKind};
pub use self::tracked_call::{TrackedCall, finish_call, finish_stream_call, start_call};
