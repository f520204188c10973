//! `#[streaming_metrics]`: the lifetime of streams, their time to first chunk, the time between
//! chunks and the way they end.

#[cfg(feature = "axum")]
mod body;
mod chunk;
mod meter;
mod metered;
mod nesting;
mod recorder;
mod reply;
#[cfg(feature = "axum")]
mod response;
#[cfg(feature = "ws")]
mod socket;

#[cfg(feature = "axum")]
pub(crate) use self::body::{BodyRecorder, meter_body};
#[cfg(feature = "axum")]
pub use self::chunk::ResponseChunk;
pub use self::chunk::StreamChunk;
pub use self::metered::{MeteredStream, wrap_streaming_response};
#[cfg(feature = "axum")]
pub(crate) use self::recorder::SourcePoll;
pub(crate) use self::recorder::StreamRecorder;
pub use self::reply::{StreamReply, StreamStart, meter_ok, stream};
#[cfg(feature = "axum")]
pub(crate) use self::response::expect_response;
#[cfg(feature = "axum")]
pub use self::response::{StreamHead, response_from_stream, response_head, response_with_head};
#[cfg(feature = "ws")]
pub(crate) use self::socket::SocketStream;
