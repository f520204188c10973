//! Ending a server on ctrl-c or SIGTERM, so that the last metrics it exports are final.

use std::{io, time::Duration};

use axum::Router;
use tokio::{net::TcpListener, runtime::Runtime, sync::oneshot, time::sleep};

/// The time that blocking tasks have to end, after all other tasks were dropped.
const BLOCKING_TIMEOUT: Duration = Duration::from_secs(1);

/// Runs the asynchronous part of a program in a runtime of its own, and drops the tasks that are
/// left when this part ends.
///
/// A response that is still being sent is such a task. Dropping the task records the end of the
/// request, so metrics that are written afterwards have no active stream.
///
/// # Errors
///
/// Returns an error if the runtime cannot be created.
pub fn run<T>(main: impl Future<Output = T>) -> io::Result<T> {
    let runtime = Runtime::new()?;
    let result = runtime.block_on(main);
    runtime.shutdown_timeout(BLOCKING_TIMEOUT);
    Ok(result)
}

/// Serves an application until `signal` resolves.
///
/// From then on, no connection is accepted, and open responses have the time `drain` to end. A
/// stream may never end, so this function returns after that time, and [`run`] drops the responses
/// that are still open.
pub async fn serve(
    listener: TcpListener,
    app: Router,
    signal: impl Future<Output = ()> + Send + 'static,
    drain: Duration,
) {
    let (stopping, stopped) = oneshot::channel();
    let signal = async move {
        signal.await;
        // The send fails if the server has already ended.
        let _ = stopping.send(());
    };
    let drained = async {
        if stopped.await.is_ok() {
            sleep(drain).await;
        }
    };
    tokio::select! {
        _ = axum::serve(listener, app).with_graceful_shutdown(signal).into_future() => {}
        () = drained => tracing::warn!("some responses did not end in time and are dropped"),
    }
}

/// Returns a future that resolves on ctrl-c or SIGTERM.
///
/// The signal handlers are installed by the call, not by the first poll: a script may stop the
/// program as soon as it has read the address.
///
/// # Errors
///
/// Returns an error if the signal handlers cannot be installed.
#[cfg(unix)]
pub fn signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Returns a future that resolves on ctrl-c.
///
/// # Errors
///
/// Returns an error if the signal handler cannot be installed.
#[cfg(windows)]
pub fn signal() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
    })
}
