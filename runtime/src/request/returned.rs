//! The future of a function that is not `async`, with the record of the call around it.

use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

pin_project! {
    /// A future whose record opens when it is first polled, as that of an async function does.
    #[must_use = "futures do nothing unless polled"]
    pub struct Returned<F, S, G, E> {
        #[pin]
        future: F,
        record: Record<S, G, E>,
    }
}

/// The record of a call, and what closes it.
enum Record<S, G, E> {
    Unopened(S, E),
    Open(G, E),
    Closed,
}

/// Records the call that `future` makes: `start` opens the record, `end` closes it with the output, and
/// dropped before that it was cancelled or panicked.
///
/// `O` comes first, so that an expansion can say what the future must come to before anything is asked
/// of it.
pub fn returned<O, F, S, G, E, T>(future: F, start: S, end: E) -> Returned<F, S, G, E>
where
    F: Future<Output = O>,
    S: FnOnce() -> G,
    E: FnOnce(G, O) -> T,
{
    Returned { future, record: Record::Unopened(start, end) }
}

impl<F, S, G, E, T> Future for Returned<F, S, G, E>
where
    F: Future,
    S: FnOnce() -> G,
    E: FnOnce(G, F::Output) -> T,
{
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let this = self.project();
        // On the stack the guard sees a panic of the future as it unwinds.
        let (guard, end) = match mem::replace(this.record, Record::Closed) {
            Record::Unopened(start, end) => (start(), end),
            Record::Open(guard, end) => (guard, end),
            // There is no value to give, and an async function does the same.
            Record::Closed => panic!("a future was polled after its end"),
        };
        match this.future.poll(cx) {
            Poll::Pending => {
                *this.record = Record::Open(guard, end);
                Poll::Pending
            }
            Poll::Ready(output) => Poll::Ready(end(guard, output)),
        }
    }
}
