//! Calls of user code that supplies a label or a count.
//!
//! Such code must not fail the request that it describes: a panic is caught, and only the label or
//! the count is lost. With `panic = "abort"` no panic can be caught.

use std::any::Any;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

use parking_lot::Mutex;

/// The largest number of warnings.
const MAX_WARNINGS: usize = 16;

/// User code that is called to supply a label or a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hook {
    ExceptionType,
    CallError,
    TokenUsage,
    StreamChunk,
    #[cfg_attr(not(feature = "axum"), expect(dead_code, reason = "only axum's `Json` is written"))]
    Serialize,
    RequestLabel,
    LabelExpression,
}

impl Hook {
    const fn as_str(self) -> &'static str {
        match self {
            Self::ExceptionType => "ExceptionType::exception_type",
            Self::CallError => "CallError::call_error_type",
            Self::TokenUsage => "TokenUsage",
            Self::StreamChunk => "StreamChunk",
            Self::Serialize => "Serialize of a reply with a protocol",
            Self::RequestLabel => "RequestLabel::from_extension",
            Self::LabelExpression => "the argument `provider` or `model` of an attribute",
        }
    }
}

/// Calls user code. Returns `None` if it panics. `type_name` is the type that the code belongs to.
///
/// A caught panic is logged, and the subscriber is user code: the caller must not hold the scope of
/// a request.
#[inline]
pub(crate) fn call<R>(
    hook: Hook,
    type_name: &'static str,
    user_code: impl FnOnce() -> R,
) -> Option<R> {
    match catch_unwind(AssertUnwindSafe(user_code)) {
        Ok(value) => Some(value),
        Err(payload) => {
            discard(payload);
            warn(hook, type_name);
            None
        }
    }
}

/// Drops the payload of a panic. The payload's destructor is user code as well: if it panics, the
/// second payload is leaked, because its destructor could panic again.
#[cold]
fn discard(payload: Box<dyn Any + Send>) {
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        mem::forget(second);
    }
}

/// Logs a panic, once for each hook and type and for at most [`MAX_WARNINGS`] of them.
#[cold]
fn warn(hook: Hook, type_name: &'static str) {
    static KNOWN: Mutex<Vec<(Hook, &'static str)>> = Mutex::new(Vec::new());

    let is_new = {
        let mut known = KNOWN.lock();
        let is_new = known.len() < MAX_WARNINGS && !known.contains(&(hook, type_name));
        if is_new {
            known.push((hook, type_name));
        }
        is_new
    };
    if is_new {
        tracing::warn!(
            target: "streamgauge",
            hook = hook.as_str(),
            type_name,
            "user code that supplies a label or a count has panicked: its value is not known"
        );
    }
}
