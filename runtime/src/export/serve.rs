//! A listener of its own for the page.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, ToSocketAddrs};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::metrics::Metrics;

/// How long a scrape may take to end once the server is asked to stop.
const GRACE: Duration = Duration::from_secs(5);

impl Metrics {
    /// Serves `GET /metrics` at an address of its own, in a task of its own, so that the port of the
    /// application shows no metrics. Port 0 lets the system choose one.
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
    ///
    /// The task is there as long as the runtime is, whether [`MetricsServer`] is kept or not.
    ///
    /// # Errors
    ///
    /// Says the address, and why the system does not let anybody listen there.
    pub async fn serve(&self, address: impl ToSocketAddrs) -> io::Result<MetricsServer> {
        let listener = TcpListener::bind(address).await.map_err(|error| {
            let text = format!("the metrics have no address to be served at: {error}");
            io::Error::new(error.kind(), text)
        })?;
        let local_addr = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let app = Router::new().route_service("/metrics", self.endpoint());
        let served = axum::serve(listener, app).with_graceful_shutdown(asked(stopped));
        let task = tokio::spawn(served.into_future());
        Ok(MetricsServer { local_addr, stop, task })
    }
}

/// Resolves when somebody asks; that nobody can any more is no reason.
async fn asked(stopped: oneshot::Receiver<()>) {
    if stopped.await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// A server of the metrics, made by [`Metrics::serve`].
pub struct MetricsServer {
    local_addr: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<io::Result<()>>,
}

impl MetricsServer {
    /// The address that is listened at.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Stops: no connection is taken any more. Waits for those that there are to end, five seconds at most;
    /// then they are left to their clients.
    pub async fn stop(mut self) {
        // It may have ended by itself, with its runtime.
        let _ = self.stop.send(());
        if timeout(GRACE, &mut self.task).await.is_err() {
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
