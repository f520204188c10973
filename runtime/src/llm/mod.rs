//! Protocols of model APIs: bytes of a reply in; usage, model, finish reason and errors out.
//!
//! [`ReplyReader`] reads a reply in one pass, in chunks that may be split at any byte. A reply of
//! any size takes the same small memory, because only the members that a protocol names are kept,
//! up to 160 bytes of each. [`read_value`] reads a reply that is already parsed.
//!
//! How a reply is read:
//!
//! - **Framing.** `reader` finds the framing. `sse` parses event streams. `event_stream` decodes
//!   binary ones: `crc32` has the checksum of a message, `message_headers` parses its headers, and
//!   `message_scanner` scans its payload, in which `invoke_chunk` finds frames in `base64`.
//! - **Frames.** `json` scans the objects; a frame is one such object. `schema` maps the path of
//!   each member of an object to a `Field`, and `frame` collects what one frame contains: `flags`,
//!   token `counts`, also by `modality`, `iterations` of a call, and values that `scalar` parses.
//!   `template` recognizes frames that need not be scanned, because they repeat the one before them
//!   with other content, and `malformed` searches for usage in objects that cannot be scanned.
//! - **Protocols.** `detect` picks the protocol of a frame. The module of the protocol interprets
//!   the frame as `spec` requires; `gemini` leaves a part of its frames to `interactions`.
//!   `vocabulary` has the words of all protocols. `operation` names what the call does.
//! - **Replies.** `reply_usage` merges the token counts of the frames, and `invocation_metrics` has
//!   those that Bedrock adds. `completion` decides whether a reply that has ended is complete.
//! - **Other entries.** `value` reads parsed replies. `replay` reads replies without a call, for
//!   the fuzz targets. `comments` finds the comments of event streams without a protocol.
//!
//! This module imports [`usage`](crate::usage) and the macro of [`label`](crate::label) alone. It
//! records no metric.

mod anthropic;
mod base64;
pub(crate) mod bedrock;
mod cohere;
mod comments;
mod completion;
mod counts;
mod crc32;
mod detect;
mod event_stream;
mod flags;
mod frame;
mod gemini;
mod interactions;
mod invocation_metrics;
mod invoke_chunk;
mod iterations;
mod json;
mod malformed;
mod message_headers;
mod message_scanner;
mod modality;
mod ollama;
pub(crate) mod openai;
mod operation;
mod reader;
pub mod replay;
mod reply_usage;
mod scalar;
mod schema;
mod spec;
mod sse;
mod template;
mod value;
pub(crate) mod vocabulary;

#[cfg(test)]
pub(crate) mod tests;

pub(crate) use self::comments::CommentCounter;
pub use self::completion::Completion;
pub use self::detect::Protocol;
pub use self::operation::Operation;
pub(crate) use self::reader::{ChunkFindings, ReplyReader};
pub(crate) use self::value::{model_name, read_value};
