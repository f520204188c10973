//! Methods with every kind of receiver, in inherent and trait implementations.

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use crate::event_log::pause;

/// A trait with one method for each kind of receiver.
trait Shelf: Sized {
    const LIMIT: usize;
    type Item;

    fn taken(self) -> Vec<Self::Item>;
    fn first(&self) -> Option<&Self::Item>;
    fn last_mut(&mut self) -> Option<&mut Self::Item>;
    fn unboxed(self: Box<Self>) -> Vec<Self::Item>;
    fn shared(self: Rc<Self>) -> (usize, usize);
    fn pinned(self: Pin<&mut Self>) -> Pin<&mut Self>;
    async fn taken_later(self) -> Vec<Self::Item>;
    async fn first_later(&self) -> Option<&Self::Item>;
    async fn push_later(&mut self, item: Self::Item) -> Result<&mut Self, Self::Item>;
    async fn shared_later(self: &Arc<Self>, other: &Self) -> usize;
    fn spawnable(self) -> impl Future<Output = usize> + Send;
    fn of(items: &[Self::Item]) -> Self;
}

macro_rules! shelf {
    ($name:ident $(, #[$attribute:meta])?) => {
        #[derive(Clone, Debug, Default)]
        struct $name {
            items: Vec<u8>,
            label: String,
        }

        impl Shelf for $name {
            const LIMIT: usize = 3;
            type Item = u8;

            $(#[$attribute])?
            fn taken(self) -> Vec<Self::Item> {
                let Self { items, .. } = self;
                items
            }

            $(#[$attribute])?
            fn first(&self) -> Option<&Self::Item> {
                let first = self.items.first()?;
                Some(first)
            }

            $(#[$attribute])?
            fn last_mut(&mut self) -> Option<&mut Self::Item> {
                self.label.push('m');
                self.items.last_mut()
            }

            $(#[$attribute])?
            fn unboxed(self: Box<Self>) -> Vec<Self::Item> {
                if self.items.len() > Self::LIMIT {
                    return Vec::new();
                }
                self.items
            }

            $(#[$attribute])?
            fn shared(self: Rc<Self>) -> (usize, usize) {
                (Rc::strong_count(&self), self.items.len())
            }

            $(#[$attribute])?
            fn pinned(mut self: Pin<&mut Self>) -> Pin<&mut Self> {
                self.items.push(9);
                self.as_mut().label.push('p');
                self
            }

            $(#[$attribute])?
            async fn taken_later(mut self) -> Vec<Self::Item> {
                pause().await;
                self.items.reverse();
                self.items
            }

            $(#[$attribute])?
            async fn first_later(&self) -> Option<&Self::Item> {
                pause().await;
                self.first()
            }

            $(#[$attribute])?
            async fn push_later(&mut self, item: Self::Item) -> Result<&mut Self, Self::Item> {
                pause().await;
                if self.items.len() >= Self::LIMIT {
                    return Err(item);
                }
                self.items.push(item);
                Ok(self)
            }

            $(#[$attribute])?
            async fn shared_later(self: &Arc<Self>, other: &Self) -> usize {
                let own = Arc::clone(self);
                pause().await;
                own.items.len() + other.items.len()
            }

            $(#[$attribute])?
            async fn spawnable(self) -> usize {
                pause().await;
                self.items.len()
            }

            $(#[$attribute])?
            fn of(items: &[Self::Item]) -> Self {
                Self { items: items.to_vec(), ..Self::default() }
            }
        }
    };
}

shelf!(Plain);
shelf!(Annotated, #[streamgauge::instrument_endpoint]);

/// Calls every method of a shelf and returns the formatted results.
async fn results<S: Shelf<Item = u8> + Clone + 'static>(items: &[u8]) -> Vec<String> {
    let mut results = Vec::new();
    let mut push = |result: &dyn std::fmt::Debug| results.push(format!("{result:?}"));
    let mut shelf = S::of(items);
    push(&shelf.first());
    if let Some(last) = shelf.last_mut() {
        *last += 1;
    }
    push(&shelf.first_later().await);
    push(&shelf.push_later(7).await.map(|shelf| shelf.first().copied()));
    push(&Box::new(shelf.clone()).unboxed());
    let shared = Rc::new(shelf.clone());
    push(&Rc::clone(&shared).shared());
    push(&Arc::new(shelf.clone()).shared_later(&shared).await);
    push(&std::pin::pin!(shelf.clone()).as_mut().pinned().first());
    push(&shelf.clone().taken());
    push(&tokio::spawn(shelf.clone().spawnable()).await.expect("the task completes"));
    push(&shelf.taken_later().await);
    results
}

#[tokio::test]
async fn receivers_of_every_kind_behave_as_the_plain_ones() {
    for items in [&[][..], &[1], &[1, 2, 3], &[1, 2, 3, 4]] {
        assert_eq!(results::<Annotated>(items).await, results::<Plain>(items).await);
    }
}

/// `self` and its parts keep their place in the drop order.
mod drops {
    use futures_util::FutureExt;

    use crate::event_log::{Noisy, logged, note, pause};

    macro_rules! pair {
        ($name:ident $(, #[$attribute:meta])?) => {
            struct $name(Noisy, Noisy);

            impl $name {
                fn new() -> Self {
                    Self(Noisy("first"), Noisy("second"))
                }

                $(#[$attribute])?
                fn unused(self, _other: Noisy) {
                    note("body");
                }

                $(#[$attribute])?
                fn used(self, other: Noisy) -> Self {
                    note(other.name());
                    self
                }

                $(#[$attribute])?
                fn moved_in_part(self, _other: Noisy) -> Noisy {
                    self.1
                }

                $(#[$attribute])?
                fn read_in_part(self, _other: Noisy) -> usize {
                    let read = || self.0.name().len();
                    read()
                }

                $(#[$attribute])?
                async fn unused_later(self, _other: Noisy) {
                    pause().await;
                    note("body");
                }

                $(#[$attribute])?
                async fn moved_in_part_later(self, _other: Noisy) -> Noisy {
                    pause().await;
                    self.1
                }

                $(#[$attribute])?
                async fn lent_in_part(self, _other: Noisy) -> usize {
                    let lent = &self.1;
                    pause().await;
                    lent.name().len()
                }
            }
        };
    }

    pair!(Plain);
    pair!(Annotated, #[streamgauge::instrument_endpoint]);

    macro_rules! assert_same_log {
        ($method:ident) => {
            assert_eq!(
                logged(|| Annotated::new().$method(Noisy("other"))),
                logged(|| Plain::new().$method(Noisy("other"))),
            )
        };
    }

    /// Asserts that both futures log the same events after zero, one and two polls.
    macro_rules! assert_same_log_later {
        ($method:ident) => {
            for polls in 0..=2 {
                assert_eq!(
                    polled(polls, || Box::pin(Annotated::new().$method(Noisy("other")))),
                    polled(polls, || Box::pin(Plain::new().$method(Noisy("other")))),
                );
            }
        };
    }

    fn polled<F: Future + Unpin>(polls: u8, call: impl FnOnce() -> F) -> Vec<&'static str> {
        logged(|| {
            let mut future = call();
            for _ in 0..polls {
                note("polled");
                let _ = (&mut future).now_or_never();
            }
        })
    }

    #[test]
    fn receiver_is_dropped_after_the_other_arguments() {
        assert_same_log!(unused);
        assert_same_log!(used);
    }

    #[test]
    fn receiver_moved_in_part_keeps_the_drop_order() {
        assert_same_log!(moved_in_part);
    }

    #[test]
    fn receiver_moved_in_part_keeps_the_drop_order_in_a_future() {
        assert_same_log_later!(moved_in_part_later);
    }

    #[test]
    fn receiver_borrowed_in_part_stays_whole() {
        assert_same_log!(read_in_part);
        assert_same_log_later!(lent_in_part);
    }

    #[test]
    fn receiver_is_held_by_the_future_until_its_end() {
        assert_same_log_later!(unused_later);
    }
}
