//! Exports metrics without a server: a background worker writes its metrics to a file for
//! node-exporter's textfile collector.
//!
//! ```text
//! cargo run --example file_writer [FILE]          # FILE defaults to target/streamgauge.prom
//! watch -n 1 cat target/streamgauge.prom
//! ```
//!
//! The worker replaces the file atomically every two seconds, and once more when ctrl-c or SIGTERM
//! stops it. node-exporter reads the file with `--collector.textfile.directory=target`. The options
//! `--every` and `--job` change how often the file is written and how long a job takes.
//!
//! What to look at: outside an HTTP request, `#[instrument_endpoint]` records into the global
//! instance, with the function's name as the endpoint. So `worker_http_requests_total` counts the
//! jobs with `endpoint="work"`, and `worker_exceptions_total` counts a `JobError` for every third
//! job.

use std::{error::Error, io, path::PathBuf, time::Duration};

use clap::Parser;
use streamgauge::{Metrics, instrument_endpoint};
use tokio::time::sleep;

/// A worker that writes its metrics to a file for node-exporter.
#[derive(Parser)]
struct Options {
    /// The file to write; node-exporter reads files whose names end in `.prom`.
    #[arg(default_value = "target/streamgauge.prom")]
    file: PathBuf,

    /// Interval between two writes of the file, in milliseconds.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 2000)]
    every: u64,

    /// Duration of a job, in milliseconds.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 200)]
    job: u64,
}

#[derive(Debug, thiserror::Error)]
#[error("job {0} failed")]
struct JobError(u64);

#[instrument_endpoint]
async fn work(job: u64, duration: Duration) -> Result<(), JobError> {
    sleep(duration).await;
    if job % 3 == 0 { Err(JobError(job)) } else { Ok(()) }
}

/// Runs one job after another.
async fn run_jobs(job_duration: Duration) {
    for job in 1.. {
        // `#[instrument_endpoint]` counts and logs the error.
        let _ = work(job, job_duration).await;
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
    let shutdown = shutdown_signal()?;
    // A failed write is logged, and the next write is tried: the disk may have space again.
    let writer = metrics.spawn_file_writer(&options.file, Duration::from_millis(options.every))?;
    println!("writing {}", options.file.display());
    let jobs = tokio::spawn(run_jobs(Duration::from_millis(options.job)));
    shutdown.await;
    // Aborting the task records the running job as cancelled. Awaiting the task makes sure that
    // this has happened before the last write.
    jobs.abort();
    let _ = jobs.await;
    writer.stop().await?;
    Ok(())
}

/// Returns a future that resolves on ctrl-c or SIGTERM.
///
/// The signal handlers are installed by the call, not by the first poll, so a signal in between is
/// not lost.
#[cfg(unix)]
fn shutdown_signal() -> io::Result<impl Future<Output = ()>> {
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
#[cfg(windows)]
fn shutdown_signal() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
    })
}
