//! A request's scope as it is handed around: from the service to its future, to the thread while that is
//! polled, and to the body.

use std::cell::RefCell;

use super::Scope;

/// The scope of a request, or of none. Dropping it drops the scope.
///
/// It is one pointer, so that lending it to a thread for every poll costs next to nothing, and what it points
/// to is used again for another request.
#[derive(Default)]
pub(crate) struct OpenScope(Option<Room>);

/// Room for a scope.
type Room = Box<Option<Scope>>;

/// How many empty rooms a thread keeps.
const KEPT: usize = 64;

thread_local! {
    static EMPTY: RefCell<Vec<Room>> = const { RefCell::new(Vec::new()) };
}

impl OpenScope {
    pub(crate) const NONE: Self = Self(None);

    /// Opens a scope in its room.
    #[inline]
    pub(crate) fn new(open: impl FnOnce() -> Scope) -> Self {
        let mut room = empty(Vec::pop).flatten().unwrap_or_default();
        room.get_or_insert_with(open);
        Self(Some(room))
    }

    pub(crate) fn is_none(&self) -> bool {
        self.0.is_none()
    }

    #[inline]
    pub(crate) fn get(&mut self) -> Option<&mut Scope> {
        self.0.as_deref_mut()?.as_mut()
    }
}

impl Drop for OpenScope {
    fn drop(&mut self) {
        let Some(mut room) = self.0.take() else { return };
        *room = None;
        empty(|rooms| {
            if rooms.len() < KEPT {
                rooms.push(room);
            }
        });
    }
}

/// The empty rooms of this thread, unless it is on its way out.
fn empty<R>(f: impl FnOnce(&mut Vec<Room>) -> R) -> Option<R> {
    EMPTY.try_with(|rooms| Some(f(&mut *rooms.try_borrow_mut().ok()?))).ok()?
}
