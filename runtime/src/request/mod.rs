//! The request that is being served: what the layer and the attributes tell each other about it.

mod call;
mod outcome;
mod returned;
mod scope;

pub(crate) use self::call::{CallId, OpenCall, OpenCalls, SharedCall};
pub(crate) use self::outcome::{Ending, end};
pub use self::returned::returned;
pub(crate) use self::scope::{Scope, StreamClaim, current, enter};
