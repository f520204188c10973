//! Protocols of model APIs: bytes of a reply in; usage, model, finish reason and errors out.
//!
//! [`ReplyReader`] reads a reply in one pass, in chunks that may be split at any byte. A reply of
//! any size takes the same small memory, because only the members that a protocol names are kept,
//! up to 160 bytes of each. [`read_value`] reads a reply that is already parsed.
//!
//! How a reply is read: `reader` finds the framing. `sse` takes event streams apart, `event_stream`
//! does so with binary ones, for which `message_scanner` decodes the payloads, and `json` scans the
//! objects in them; a frame is one such object. `schema` maps the path of each member of an object
//! to a `Field`, and `frame` collects what one frame contains: `flags`, token `counts`, also by
//! `modality`, `iterations` of a call, and values that `scalar` parses. `detect` picks the
//! protocol. Its module interprets the frame as `spec` requires, with the words of all protocols in
//! `vocabulary`, and `reply_usage` merges the token counts of the frames. `invocation_metrics` are
//! those that Bedrock adds. `operation` names what the call does. `fast_path` recognizes frames
//! that need not be scanned, and `malformed` searches for usage in what cannot be. `comments` finds
//! the comments of event streams without a protocol.
//!
//! This module depends on [`usage`](crate::usage) alone and records no metric.

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
mod fast_path;
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
