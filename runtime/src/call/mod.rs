//! The model call: from the start of a tracked function to the end of its reply.

pub(crate) mod handoff;
mod manual;
mod open;
mod parser;

pub(crate) use self::manual::ManualUsage;
pub(crate) use self::open::{CallId, OpenCall, OpenCalls, SharedCall};
pub(crate) use self::parser::ReplyParser;
