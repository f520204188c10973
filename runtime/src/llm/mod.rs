//! A reader of model protocols from bytes that pass by: usage, the model, how the reply ended, what
//! went wrong in it, and which bytes hold tokens.
//!
//! The bytes are read in place and in one pass. What a protocol names is picked out of the JSON as it
//! passes, so a reply of any size takes the same small memory, however it is split.

mod anthropic;
pub(crate) mod bedrock;
mod comments;
mod counts;
mod detect;
mod fast_path;
mod frame;
mod gemini;
mod json;
mod lost;
mod ollama;
pub(crate) mod openai;
mod protocol;
mod reader;
mod schema;
mod sse;
mod value;

#[cfg(test)]
mod tests;

pub(crate) use self::comments::Comments;
pub use self::protocol::Protocol;
pub(crate) use self::reader::{Reader, Seen};
