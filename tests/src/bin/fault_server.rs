//! Serves every way in which a request can end, with metrics at `/metrics`.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;
use streamgauge::{Metrics, WriteError};
use streamgauge_tests::fault_server;
use tokio::net::TcpListener;

/// How often the file is written anew.
const FILE_EVERY: Duration = Duration::from_secs(1);

/// Every way in which a request can end, behind one route each.
#[derive(Debug, Parser)]
struct Options {
    /// The address to listen on; port 0 picks a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// What the names of the metrics begin with.
    #[arg(long, default_value = "app")]
    prefix: String,
    /// A file to write the metrics to, every second and at the end.
    #[arg(long)]
    metrics_file: Option<PathBuf>,
    /// Opens a span around each request, and names its trace in the response and in exemplars.
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
    let stop = asked_to_stop()?;
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
            failed = write_again_and_again(metrics, path) => failed?,
        },
    }
    // Whoever asks a server of faults to stop does not want to wait for its slow streams.
    serve.abort();
    Ok(())
}

async fn write_again_and_again(metrics: &Metrics, path: &Path) -> Result<(), WriteError> {
    loop {
        metrics.write_to_file(path).await?;
        tokio::time::sleep(FILE_EVERY).await;
    }
}

/// Resolves on ctrl-c and on SIGTERM, which are listened for from the call on.
#[cfg(unix)]
fn asked_to_stop() -> io::Result<impl Future<Output = ()>> {
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
fn asked_to_stop() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
    })
}
