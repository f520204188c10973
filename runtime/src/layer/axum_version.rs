//! A warning for applications that use another version of axum than this crate.
//!
//! The layer also fits the router of another version, because both use the types of the crate
//! `http`. But each version has a `MatchedPath` of its own, so the layer would find no route and
//! record every request as `unmatched`, without an error anywhere.

use std::any::{TypeId, type_name};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use axum::body::Body;

use crate::series;

static WARNED: AtomicBool = AtomicBool::new(false);

/// Logs a warning, once per process, if `B` is the body of a request of another version of axum.
#[inline]
pub(super) fn warn_if_other<B: 'static>() {
    // Both comparisons are between constants, which the compiler evaluates.
    let is_other =
        TypeId::of::<B>() != TypeId::of::<Body>() && type_name::<B>() == type_name::<Body>();
    if is_other && !WARNED.swap(true, Relaxed) {
        series::warn_other_axum();
    }
}
