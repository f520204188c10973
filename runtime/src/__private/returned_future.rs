//! The future that a function returns without being `async`, wrapped in the record of its call.

use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::call::{EnterCall, enter_call};

pin_project! {
    /// A future that opens its record when it is first polled, as an `async fn` does.
    #[must_use = "futures do nothing unless polled"]
    pub struct RecordedFuture<F, S, G, E>
    where
        G: EnterCall,
    {
        // An option, so that it can be dropped while its call is the current one.
        #[pin]
        future: Option<F>,
        record: Record<S, G, E>,
    }

    impl<F, S, G, E> PinnedDrop for RecordedFuture<F, S, G, E>
    where
        G: EnterCall,
    {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if let Record::Open(guard, _) = this.record {
                let _entered = enter_call(&*guard);
                this.future.set(None);
            }
        }
    }
}

/// The record of a call, and the function that closes it.
enum Record<S, G, E> {
    Unopened(S, E),
    Open(G, E),
    Closed,
}

/// Records the call that `future` makes. `start` opens the record; `end` closes it with the output.
/// A future that is dropped before its output closes the record as cancelled or panicked.
///
/// `O` is the first type parameter, so that an expansion can name the output type, which the
/// compiler then uses to infer the type of `future`.
pub fn returned<O, F, S, G, E, T>(future: F, start: S, end: E) -> RecordedFuture<F, S, G, E>
where
    F: Future<Output = O>,
    S: FnOnce() -> G,
    G: EnterCall,
    E: FnOnce(G, O) -> T,
{
    RecordedFuture { future: Some(future), record: Record::Unopened(start, end) }
}

impl<F, S, G, E, T> Future for RecordedFuture<F, S, G, E>
where
    F: Future,
    S: FnOnce() -> G,
    G: EnterCall,
    E: FnOnce(G, F::Output) -> T,
{
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let mut this = self.project();
        // During the poll the guard is on the stack, so that a panic of the future drops it while
        // it unwinds.
        let record = mem::replace(this.record, Record::Closed);
        let (future, (guard, end)) = match (this.future.as_mut().as_pin_mut(), record) {
            (Some(future), Record::Unopened(start, end)) => (future, (start(), end)),
            (Some(future), Record::Open(guard, end)) => (future, (guard, end)),
            // An `async fn` panics here as well: there is no output to return.
            _ => panic!("a future was polled after it had completed"),
        };
        let entered = enter_call(&guard);
        let polled = future.poll(cx);
        drop(entered);
        match polled {
            Poll::Pending => {
                *this.record = Record::Open(guard, end);
                Poll::Pending
            }
            Poll::Ready(output) => Poll::Ready(end(guard, output)),
        }
    }
}
