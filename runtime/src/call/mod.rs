//! The model call: from the start of a tracked function to the end of its reply.
//!
//! An [`OpenCall`] is created when the function starts. It ends with the usage that the function
//! returns, with a [`ReplyParser`] that reads the usage from the bytes of the reply, or with
//! [`ManualUsage`] that the handler records itself.

mod entered;
pub(crate) mod handoff;
mod manual;
mod open;
mod parser;

pub use self::entered::{EnterCall, EnteredCall, WithinCall, enter_call, within_call};
pub(crate) use self::manual::ManualUsage;
pub(crate) use self::open::{CallId, OpenCall, OpenCalls, SharedCall};
pub(crate) use self::parser::ReplyParser;
