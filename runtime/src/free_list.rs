//! Empty allocations that a thread keeps, so that later requests and calls need none.

use std::cell::RefCell;
use std::thread::LocalKey;

/// The number of allocations that a list keeps.
const MAX_FREE: usize = 64;

/// The empty allocations of one kind that a thread keeps, in a thread-local.
///
/// While a thread ends, its thread-locals may already be destroyed: then the list is empty, and
/// keeps nothing.
pub(crate) struct FreeList<T>(RefCell<Vec<T>>);

impl<T> FreeList<T> {
    pub(crate) const fn new() -> Self {
        Self(RefCell::new(Vec::new()))
    }

    /// Takes the allocation that was kept last.
    #[inline]
    pub(crate) fn take(list: &'static LocalKey<Self>) -> Option<T> {
        list.try_with(|list| list.0.try_borrow_mut().ok()?.pop()).ok()?
    }

    /// Keeps an allocation, unless the list is full. Dropping the allocation must not run code of
    /// users.
    #[inline]
    pub(crate) fn keep(list: &'static LocalKey<Self>, free: T) {
        let _ = list.try_with(|list| {
            if let Ok(mut list) = list.0.try_borrow_mut() {
                if list.len() < MAX_FREE {
                    list.push(free);
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    thread_local! {
        static LIST: FreeList<Box<usize>> = const { FreeList::new() };
    }

    #[test]
    fn free_list_keeps_a_bounded_number_of_allocations() {
        assert_eq!(FreeList::take(&LIST), None);
        (0..MAX_FREE + 10).for_each(|number| FreeList::keep(&LIST, Box::new(number)));
        let kept = std::iter::from_fn(|| FreeList::take(&LIST)).count();
        assert_eq!(kept, MAX_FREE);
    }
}
