//! The future of a function that is not `async`, with the record of the call around it.

use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

pin_project! {
    /// A future whose record opens when it is first polled, as that of an async function does.
    #[must_use = "futures do nothing unless polled"]
    pub struct Returned<F, S, G, E> {
        #[pin]
        future: F,
        start: Option<S>,
        guard: Option<G>,
        end: Option<E>,
    }
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
    Returned { future, start: Some(start), guard: None, end: Some(end) }
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
        let guard = this.start.take().map_or_else(|| this.guard.take(), |start| Some(start()));
        let guard = guard.expect("a future is not polled again after its end");
        match this.future.poll(cx) {
            Poll::Pending => {
                *this.guard = Some(guard);
                Poll::Pending
            }
            Poll::Ready(output) => {
                let end = this.end.take().expect("a guard is open until the end");
                Poll::Ready(end(guard, output))
            }
        }
    }
}
