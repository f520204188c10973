//! Runs the fault server, with metrics at `/metrics` and the live page at `/live`.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use streamgauge::{FileWriter, Metrics};
use streamgauge_tests::fault_server;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// Interval between two writes of the metrics file.
const WRITE_INTERVAL: Duration = Duration::from_secs(1);

/// The time that blocking tasks have to end, after all other tasks were dropped.
const BLOCKING_TIMEOUT: Duration = Duration::from_secs(1);

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
    /// The number of streams to record at the start. Each has an endpoint with a long name, and
    /// takes about 50 KB of the metrics page.
    #[arg(long, default_value_t = 0)]
    streams: usize,
    /// A name of a stream that is recorded at the start, and of the model, provider and exception
    /// of the route `/labels/<index>/x`; repeat the option for more names.
    #[arg(long = "label", value_name = "TEXT")]
    labels: Vec<String>,
    /// The number of routes `/numbered/<index>`.
    #[arg(long, default_value_t = 0)]
    routes: usize,
    /// The number of viewers that the live page may have.
    #[arg(long, default_value_t = 16)]
    max_viewers: usize,
    /// Runs each request in a span, with its trace ID in the response headers and in exemplars.
    #[cfg(feature = "traced")]
    #[arg(long)]
    traced: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let runtime = Runtime::new()?;
    let writer = runtime.block_on(serve(options))?;
    // Drops the open connections instead of waiting for them: some routes stream for hours. Their
    // ends are recorded before the last write.
    runtime.shutdown_timeout(BLOCKING_TIMEOUT);
    match writer {
        Some(writer) => Ok(Runtime::new()?.block_on(writer.stop())?),
        None => Ok(()),
    }
}

/// Serves until a signal, and returns the writer of the metrics file, if there is one.
async fn serve(options: Options) -> Result<Option<FileWriter>, Box<dyn Error>> {
    let metrics =
        Metrics::builder().prefix(options.prefix).max_viewers(options.max_viewers).install()?;
    for index in 0..options.streams {
        fault_server::record_stream(&format!("stream-{index:0900}")).await;
    }
    for name in &options.labels {
        fault_server::record_stream(name).await;
    }
    let listener = TcpListener::bind(options.listen).await?;
    let address = listener.local_addr()?;
    let stop = stop_signal()?;
    let others = fault_server::labelled_routes(&options.labels)
        .merge(fault_server::numbered_routes(options.routes));
    let app = fault_server::app(metrics).merge(others.layer(metrics.layer()));
    #[cfg(feature = "traced")]
    let app = if options.traced {
        fault_server::install_traces()?;
        fault_server::traced(app)
    } else {
        app
    };
    let write = |path| metrics.spawn_file_writer(path, WRITE_INTERVAL);
    let writer = options.metrics_file.as_ref().map(write).transpose()?;
    let serve = tokio::spawn(async move { axum::serve(listener, app).await });
    println!("listening on http://{address}");
    stop.await;
    serve.abort();
    Ok(writer)
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
