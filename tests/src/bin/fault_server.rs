//! Runs the fault server, with metrics at `/metrics`.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;
use streamgauge::{Metrics, WriteError};
use streamgauge_tests::fault_server;
use tokio::net::TcpListener;

/// Interval between two writes of the metrics file.
const WRITE_INTERVAL: Duration = Duration::from_secs(1);

/// Serves one route for each outcome of a request.
#[derive(Debug, Parser)]
struct Options {
    /// The address to listen on; port 0 picks a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The prefix of metric names.
    #[arg(long, default_value = "app")]
    prefix: String,
    /// A file to write the metrics to, every second and on shutdown.
    #[arg(long)]
    metrics_file: Option<PathBuf>,
    /// Runs each request in a span, with its trace ID in the response headers and in exemplars.
    #[cfg(feature = "traced")]
    #[arg(long)]
    traced: bool,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let metrics = Metrics::builder().prefix(options.prefix).install()?;
    let listener = TcpListener::bind(options.listen).await?;
    let address = listener.local_addr()?;
    let stop = stop_signal()?;
    let app = fault_server::app(metrics);
    #[cfg(feature = "traced")]
    let app = if options.traced {
        fault_server::install_traces()?;
        fault_server::traced(app)
    } else {
        app
    };
    let serve = tokio::spawn(async move { axum::serve(listener, app).await });
    println!("listening on http://{address}");
    match &options.metrics_file {
        None => stop.await,
        Some(path) => tokio::select! {
            () = stop => metrics.write_to_file(path).await?,
            failed = write_periodically(metrics, path) => failed?,
        },
    }
    // Do not wait for open connections: some routes stream for hours.
    serve.abort();
    Ok(())
}

async fn write_periodically(metrics: &Metrics, path: &Path) -> Result<(), WriteError> {
    loop {
        metrics.write_to_file(path).await?;
        tokio::time::sleep(WRITE_INTERVAL).await;
    }
}

/// Resolves on ctrl-c and on SIGTERM. The signals are caught from the call on, before the first
/// poll.
#[cfg(unix)]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
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

/// Resolves on ctrl-c.
#[cfg(windows)]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
    })
}
