//! The request that is being served: what the layer and the attributes tell each other about it.

mod by_hand;
mod call;
mod current;
mod exception;
mod outcome;
mod returned;
mod scope;
mod size;

pub(crate) use self::by_hand::ByHand;
pub(crate) use self::call::{CallId, OpenCall, OpenCalls, SharedCall};
pub(crate) use self::current::{current, enter};
pub(crate) use self::exception::Exception;
pub(crate) use self::outcome::{Ending, end};
pub use self::returned::returned;
#[cfg(feature = "axum")]
pub(crate) use self::scope::CallClaim;
pub(crate) use self::scope::{Content, Entry, Scope, StreamClaim};
pub(crate) use self::size::RequestSize;
