//! A reader of model protocols from bytes that pass by: usage, the model, how the reply ended, what
//! went wrong in it, and which bytes hold tokens.
//!
//! The bytes are read in place and in one pass. What a protocol names is picked out of the JSON as it
//! passes, so a reply of any size takes the same small memory, however it is split.

mod anthropic;
mod comments;
pub(crate) mod converse;
mod counts;
mod events;
mod facts;
mod gemini;
mod json;
mod lost;
mod ollama;
pub(crate) mod openai;
mod path;
mod quiet;
mod reader;
mod rules;
mod value;

#[cfg(test)]
mod tests;

pub(crate) use self::comments::Comments;
pub(crate) use self::reader::{Reader, Seen};
