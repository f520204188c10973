//! The types of `runtime/src/family/cells/sync.rs`, made of those of `loom`.

use loom::sync::atomic;
pub(super) use loom::sync::atomic::{Ordering, fence};

// Each atomic makes each execution of a model slower, and the stacks of `loom` are small.
pub(super) const SEGMENT_LINES: u16 = 1;
pub(super) const LEVELS: usize = 1;
pub(super) const OVERFLOW_BLOCKS: usize = 1;

/// An atomic whose loads and stores `loom` orders in all ways.
///
/// `loom` compares an access only with the last one before it. The load with which a writer begins
/// an addition would hide the load of a reader from the store that follows: `loom` would not try
/// the store before the load of the reader. Each access therefore also stores to `access`, where
/// any two accesses conflict. That store is relaxed, so that it orders nothing.
pub(super) struct AtomicU64 {
    access: atomic::AtomicBool,
    value: atomic::AtomicU64,
}

impl AtomicU64 {
    pub(super) fn new(value: u64) -> Self {
        Self { access: atomic::AtomicBool::new(false), value: atomic::AtomicU64::new(value) }
    }

    fn accessed(&self) -> &atomic::AtomicU64 {
        self.access.store(true, Ordering::Relaxed);
        &self.value
    }

    pub(super) fn load(&self, order: Ordering) -> u64 {
        self.accessed().load(order)
    }

    pub(super) fn store(&self, value: u64, order: Ordering) {
        self.accessed().store(value, order);
    }

    pub(super) fn fetch_add(&self, amount: u64, order: Ordering) -> u64 {
        self.accessed().fetch_add(amount, order)
    }

    pub(super) fn fetch_sub(&self, amount: u64, order: Ordering) -> u64 {
        self.accessed().fetch_sub(amount, order)
    }
}

impl Default for AtomicU64 {
    fn default() -> Self {
        Self::new(0)
    }
}

/// The interface of `parking_lot::Mutex`.
pub(super) struct Mutex<T>(loom::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(super) fn new(value: T) -> Self {
        Self(loom::sync::Mutex::new(value))
    }

    pub(super) fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
        self.0.lock().expect("no model panics under a lock")
    }

    pub(super) fn try_lock(&self) -> Option<loom::sync::MutexGuard<'_, T>> {
        self.0.try_lock().ok()
    }
}

/// The interface of `std::sync::OnceLock`, which `loom` lacks.
///
/// The value itself is in a lock of `std`, which no thread of a model holds while another one runs.
/// What a reader sees depends on the flag, as it does in `std`.
pub(super) struct OnceLock<T> {
    is_set: atomic::AtomicBool,
    setting: Mutex<()>,
    value: std::sync::OnceLock<T>,
}

impl<T> OnceLock<T> {
    pub(super) fn new() -> Self {
        Self {
            is_set: atomic::AtomicBool::new(false),
            setting: Mutex::new(()),
            value: std::sync::OnceLock::new(),
        }
    }

    pub(super) fn get(&self) -> Option<&T> {
        if self.is_set.load(Ordering::Acquire) { self.value.get() } else { None }
    }

    pub(super) fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
        if let Some(value) = self.get() {
            return value;
        }
        let guard = self.setting.lock();
        if self.value.get().is_none() {
            let value = make();
            assert!(self.value.set(value).is_ok(), "the lock admits one thread");
        }
        self.is_set.store(true, Ordering::Release);
        drop(guard);
        self.value.get().expect("the value is set")
    }
}
