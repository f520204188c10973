//! A server for the metrics on a separate port.

use std::fmt;
use std::future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use pin_project_lite::pin_project;
use tokio::net::{TcpListener, ToSocketAddrs};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

#[cfg(feature = "live")]
use super::live::LivePage;
use crate::metrics::Metrics;

/// The time that open connections have to finish after `stop`.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

impl Metrics {
    /// Serves `GET /metrics` at a separate address, in a new task.
    ///
    /// Use this to keep the metrics off the application's public port. Port 0 lets the operating
    /// system choose a port. Nothing is bound or spawned until the returned future is polled. The
    /// server then runs until [`MetricsServer::stop`] or the end of the runtime; dropping the
    /// [`MetricsServer`] does not stop it.
    ///
    /// With the feature `live`, the method `with_live_page` of [`Serve`] adds the live page.
    ///
    /// # Errors
    ///
    /// The future returns an error if the address cannot be bound, or if the future is polled
    /// outside a tokio runtime.
    ///
    /// # Panics
    ///
    /// The future panics, as [`TcpListener::bind`] does, if the runtime has no I/O driver.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is ready, no server has been started, and the address is
    /// free.
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
    pub fn serve<A: ToSocketAddrs>(
        &self,
        address: A,
    ) -> Serve<impl Future<Output = io::Result<TcpListener>> + use<A>> {
        let pages = Pages {
            metrics: self.clone(),
            #[cfg(feature = "live")]
            live: None,
        };
        Serve { bind: TcpListener::bind(address), pages }
    }
}

/// What a server serves.
struct Pages {
    metrics: Metrics,
    #[cfg(feature = "live")]
    live: Option<LivePage>,
}

impl Pages {
    fn router(&self) -> Router {
        let router = Router::new().route_service("/metrics", self.metrics.endpoint());
        #[cfg(feature = "live")]
        if let Some(live) = &self.live {
            return router.nest_service("/metrics/live", live.clone());
        }
        router
    }
}

pin_project! {
    /// Future that starts a metrics server, returned by [`Metrics::serve`].
    ///
    /// `F` is the future that binds the address.
    #[must_use = "futures do nothing unless polled"]
    pub struct Serve<F> {
        #[pin]
        bind: F,
        pages: Pages,
    }
}

#[cfg(feature = "live")]
impl<F> Serve<F> {
    /// Also serves the live page, at `/metrics/live`.
    ///
    /// Use this to keep the live page off the application's public port. The page shows the names
    /// of endpoints, models and exceptions, and costs, to everybody who can reach the address.
    /// [`LivePage`] describes the responses of the page and what the page costs.
    ///
    /// [`MetricsServer::stop`] closes the page. Other pages of the instance, which calls of
    /// [`Metrics::live`] have created, keep their viewers.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example() -> std::io::Result<()> {
    /// use streamgauge::Metrics;
    ///
    /// let server = Metrics::global().serve("127.0.0.1:9464").with_live_page().await?;
    /// println!("live page at http://{}/metrics/live", server.local_addr());
    /// # Ok(())
    /// # }
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "live")))]
    pub fn with_live_page(mut self) -> Self {
        self.pages.live = Some(self.pages.metrics.live());
        self
    }
}

impl<F> Future for Serve<F>
where
    F: Future<Output = io::Result<TcpListener>>,
{
    type Output = io::Result<MetricsServer>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<MetricsServer>> {
        let this = self.project();
        let runtime = Handle::try_current().map_err(|_| {
            io::Error::other(
                "cannot serve the metrics outside a tokio runtime: call `serve` within a runtime",
            )
        })?;
        let listener = ready!(this.bind.poll(cx)).map_err(|error| {
            // A custom `io::Error` has one text and no source, so the cause is in the text.
            let text = format!("cannot bind the address of the metrics server: {error}");
            io::Error::new(error.kind(), text)
        })?;
        Poll::Ready(start(&runtime, listener, this.pages))
    }
}

fn start(runtime: &Handle, listener: TcpListener, pages: &Pages) -> io::Result<MetricsServer> {
    let local_addr = listener.local_addr()?;
    let (stop, stopped) = oneshot::channel();
    let router = pages.router();
    #[cfg(feature = "live")]
    let live = pages.live.clone();
    let signal = async move {
        stop_signal(stopped).await;
        // The streams of viewers do not end by themselves.
        #[cfg(feature = "live")]
        if let Some(live) = live {
            live.close();
        }
    };
    let task = runtime.spawn(async move {
        let server = axum::serve(listener, router).with_graceful_shutdown(signal);
        // The server never fails. What its future returns depends on the version of axum.
        let _ = server.await;
    });
    Ok(MetricsServer { local_addr, stop, task })
}

/// Resolves when `stop` is called. Dropping the sender does not stop the server.
async fn stop_signal(stopped: oneshot::Receiver<()>) {
    if stopped.await.is_err() {
        future::pending::<()>().await;
    }
}

impl<F> fmt::Debug for Serve<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serve").finish_non_exhaustive()
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
    /// finish on their own. If the server has a live page, `stop` closes the page, so that viewers
    /// that receive do not keep their connections open.
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
