//! Metrics without a server: a worker writes them to a file for node-exporter's textfile collector.
//!
//! ```text
//! cargo run --example file_writer [FILE]          # target/streamgauge.prom unless told otherwise
//! watch -n 1 cat target/streamgauge.prom
//! ```
//!
//! Every two seconds the file is replaced as a whole, and once more when the worker is asked to stop, by
//! ctrl-c or SIGTERM. node-exporter reads it with `--collector.textfile.directory=target`. Without requests
//! the attribute records by itself, in the global instance and under the function's name:
//! `worker_http_requests_total` with the endpoint `work`, and in `worker_exceptions_total` every third job as
//! a `JobError`. `--every` and `--job`, in milliseconds, make it faster.

use std::{error::Error, io, path::PathBuf, time::Duration};

use clap::Parser;
use streamgauge::{Metrics, instrument_endpoint};
use tokio::time::sleep;

/// A worker that writes its metrics to a file.
#[derive(Parser)]
struct Options {
    /// The file; node-exporter reads those that end in `.prom`.
    #[arg(default_value = "target/streamgauge.prom")]
    file: PathBuf,

    /// How often the file is written, in milliseconds.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 2000)]
    every: u64,

    /// How long a job takes, in milliseconds.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 200)]
    job: u64,
}

#[derive(Debug, thiserror::Error)]
#[error("job {0} failed")]
struct JobError(u64);

#[instrument_endpoint]
async fn work(job: u64, takes: Duration) -> Result<(), JobError> {
    sleep(takes).await;
    if job % 3 == 0 { Err(JobError(job)) } else { Ok(()) }
}

async fn work_on(takes: Duration) {
    for job in 1.. {
        // The library tells `tracing` of each.
        let _ = work(job, takes).await;
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_writer(io::stderr).init();
    let options = Options::parse();
    let metrics = Metrics::builder()
        .prefix("worker")
        .build_info([("version", env!("CARGO_PKG_VERSION"))])
        .install()?;
    let stop = asked_to_stop()?;
    // A write that fails is told to `tracing`, and the next one is tried: the disk may have room again.
    let file = metrics.spawn_file_writer(&options.file, Duration::from_millis(options.every))?;
    println!("writing {}", options.file.display());
    let worker = tokio::spawn(work_on(Duration::from_millis(options.job)));
    stop.await;
    // The job at hand is recorded too, as cancelled, once the worker has stopped.
    worker.abort();
    let _ = worker.await;
    file.stop().await?;
    Ok(())
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
