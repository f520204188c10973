//! Events for whoever listens, about what is counted.

use std::cell::Cell;

thread_local! {
    static TELLING: Cell<bool> = const { Cell::new(false) };
}

/// Emits an event, unless it would be about what its own listener has counted: a subscriber may call
/// back into this crate, and would be told of that, and so on without end.
pub(super) fn tell(emit: impl FnOnce()) {
    struct Told;

    impl Drop for Told {
        fn drop(&mut self) {
            let _ = TELLING.try_with(|telling| telling.set(false));
        }
    }

    if TELLING.try_with(|telling| telling.replace(true)) == Ok(false) {
        let _told = Told;
        emit();
    }
}
