//! A server for the metrics on a separate port.

use std::fmt;
use std::future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, ToSocketAddrs};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::metrics::Metrics;

/// The time that open connections have to finish after `stop`.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

impl Metrics {
    /// Serves `GET /metrics` at a separate address, in a new task.
    ///
    /// Use this to keep the metrics off the application's public port. Port 0 lets the operating
    /// system choose a port. The server runs until [`MetricsServer::stop`] or the end of the
    /// runtime; dropping the [`MetricsServer`] does not stop it.
    ///
    /// # Errors
    ///
    /// Returns an error if the address cannot be bound, or if this is called outside a tokio
    /// runtime.
    ///
    /// # Panics
    ///
    /// Panics, as [`TcpListener::bind`] does, if the runtime has no I/O driver.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(app: axum::Router) -> std::io::Result<()> {
    /// use streamgauge::Metrics;
    ///
    /// let server = Metrics::global().serve("127.0.0.1:9464").await?;
    /// println!("metrics at http://{}/metrics", server.local_addr());
    /// axum::serve(tokio::net::TcpListener::bind("0.0.0.0:8080").await?, app).await?;
    /// server.stop().await;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn serve(&self, address: impl ToSocketAddrs) -> io::Result<MetricsServer> {
        let runtime = Handle::try_current().map_err(|_| {
            io::Error::other(
                "cannot serve the metrics outside a tokio runtime: call `serve` within a runtime",
            )
        })?;
        let listener = TcpListener::bind(address).await.map_err(|error| {
            // A custom `io::Error` has one text and no source, so the cause is in the text.
            let text = format!("cannot bind the address of the metrics server: {error}");
            io::Error::new(error.kind(), text)
        })?;
        let local_addr = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let app = Router::new().route_service("/metrics", self.endpoint());
        let task = runtime.spawn(async move {
            let server = axum::serve(listener, app).with_graceful_shutdown(stop_signal(stopped));
            // The server never fails. What its future returns depends on the version of axum.
            let _ = server.await;
        });
        Ok(MetricsServer { local_addr, stop, task })
    }
}

/// Resolves when `stop` is called. Dropping the sender does not stop the server.
async fn stop_signal(stopped: oneshot::Receiver<()>) {
    if stopped.await.is_err() {
        future::pending::<()>().await;
    }
}

/// A running metrics server, created by [`Metrics::serve`].
pub struct MetricsServer {
    local_addr: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl MetricsServer {
    /// Returns the address that the server listens on.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Stops the server: it accepts no more connections.
    ///
    /// Waits up to five seconds for open connections. Connections that are still open after that
    /// finish on their own.
    ///
    /// # Panics
    ///
    /// The returned future panics if it is polled outside a tokio runtime, or in a runtime without
    /// time enabled.
    ///
    /// # Cancel safety
    ///
    /// If the returned future is dropped after its first poll, the server still stops, but open
    /// connections may take longer than five seconds.
    pub async fn stop(mut self) {
        // The send fails if the task has already ended.
        let _ = self.stop.send(());
        if timeout(STOP_TIMEOUT, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

impl fmt::Debug for MetricsServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsServer")
            .field("local_addr", &self.local_addr)
            .finish_non_exhaustive()
    }
}
