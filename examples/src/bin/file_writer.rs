//! Metrics without a server: a worker writes them to a file for node-exporter's textfile collector.
//!
//! ```text
//! cargo run --bin file_writer [FILE]          # target/streamgauge.prom unless told otherwise
//! watch -n 1 cat target/streamgauge.prom
//! ```
//!
//! Every two seconds the file is replaced as a whole, and once more on ctrl-c. node-exporter reads it
//! with `--collector.textfile.directory=target`. Without requests the attribute records by itself, in
//! the global instance and under the function's name: `worker_http_requests_total` with the endpoint
//! `work`, and in `worker_exceptions_total` every third job as a `JobError`.

use std::{
    env,
    error::Error,
    path::{Path, PathBuf},
    time::Duration,
};

use streamgauge::{Metrics, generate_prometheus_data, instrument_endpoint};
use tokio::{
    signal,
    time::{interval, sleep},
};

/// How often the file is written.
const PERIOD: Duration = Duration::from_secs(2);

#[derive(Debug, thiserror::Error)]
#[error("job {0} failed")]
struct JobError(u64);

#[instrument_endpoint]
async fn work(job: u64) -> Result<(), JobError> {
    sleep(Duration::from_millis(200)).await;
    if job.is_multiple_of(3) { Err(JobError(job)) } else { Ok(()) }
}

async fn work_on() {
    for job in 1.. {
        if let Err(error) = work(job).await {
            eprintln!("{error}");
        }
    }
}

/// Goes on when the file cannot be written: the disk may have room again by the next time.
async fn write(path: &Path) {
    if let Err(error) = generate_prometheus_data(path).await {
        eprintln!("{error}");
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args_os().nth(1).map_or("target/streamgauge.prom".into(), PathBuf::from);
    Metrics::builder().prefix("worker").install()?;
    println!("writing {}", path.display());
    let worker = tokio::spawn(work_on());
    let mut periods = interval(PERIOD);
    loop {
        tokio::select! {
            _ = periods.tick() => write(&path).await,
            stopped = signal::ctrl_c() => {
                stopped?;
                break;
            }
        }
    }
    // The job at hand is recorded too, as cancelled, once the worker has stopped.
    worker.abort();
    let _ = worker.await;
    write(&path).await;
    Ok(())
}
