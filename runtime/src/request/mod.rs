//! The request that is being served: what the layer and the attributes tell each other about it.

mod by_hand;
mod call;
mod claim;
mod current;
mod exception;
mod failures;
mod gate;
mod label;
mod open;
mod outcome;
pub(crate) mod outside;
mod readings;
mod returned;
mod scope;
mod size;

pub(crate) use self::by_hand::ByHand;
pub(crate) use self::call::{CallId, OpenCall, OpenCalls, SharedCall};
pub(crate) use self::claim::{CallClaim, Content, StreamClaim};
pub(crate) use self::current::{current, enter};
pub(crate) use self::exception::Exception;
pub(crate) use self::failures::Failures;
pub(crate) use self::gate::Gate;
pub use self::label::Label;
#[cfg(feature = "axum")]
pub(crate) use self::open::OpenScope;
pub(crate) use self::outcome::{Ending, end};
pub(crate) use self::readings::{Readings, SourceRuns};
pub use self::returned::returned;
pub(crate) use self::scope::{Entry, Scope};
pub(crate) use self::size::RequestSize;
