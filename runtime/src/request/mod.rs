//! The request that is being served: what the layer and the attributes tell each other about it.

mod call;
mod outcome;
mod scope;

pub(crate) use self::call::{CallId, OpenCall, OpenCalls, SharedCall};
pub(crate) use self::outcome::{Ending, end};
pub(crate) use self::scope::{Scope, StreamClaim, current, enter};
