//! Pushes the metrics of a batch job to a Pushgateway, because the job ends before Prometheus could
//! scrape it.
//!
//! Start a Pushgateway on port 9091, run the job and read the metrics that the Pushgateway holds:
//!
//! ```text
//! cargo run -p streamgauge --features push --example batch -- --gateway http://localhost:9091
//! curl http://localhost:9091/metrics
//! cargo run -p streamgauge --features push --example batch -- --help
//! ```
//!
//! What to look at: `app_llm_calls_total{job="summaries"}` is 3, and `app_token_usage_total` has
//! the tokens of these calls. A second run replaces the values of the first. `--shard NAME` keeps
//! the metrics of jobs with the same name apart, and `--delete` removes them.

use std::error::Error;

use clap::Parser;
use streamgauge::{Metrics, PushGateway, Usage, track_tokens};

/// A batch job that pushes its metrics to a Pushgateway.
#[derive(Parser)]
struct Options {
    /// The address of the Pushgateway.
    #[arg(long, value_name = "URL")]
    gateway: String,

    /// The job's name: the label `job` of the pushed metrics.
    #[arg(long, value_name = "NAME", default_value = "summaries")]
    job: String,

    /// The label `shard` of the pushed metrics, to distinguish jobs with the same name.
    #[arg(long, value_name = "NAME")]
    shard: Option<String>,

    /// Deletes the job's metrics from the Pushgateway instead of running the job.
    #[arg(long)]
    delete: bool,
}

/// Stands for a call of a model.
#[track_tokens(model = "small-1", provider = "house")]
fn summarise(text: &str) -> Usage {
    Usage::new(text.len() as u64, 3)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let mut gateway = PushGateway::new(options.gateway, options.job);
    if let Some(shard) = options.shard {
        gateway = gateway.group("shard", shard);
    }
    if options.delete {
        gateway.delete().await?;
        return Ok(());
    }
    for text in ["a long text", "a longer text", "the longest text of all"] {
        summarise(text);
    }
    gateway.push(Metrics::global()).await?;
    Ok(())
}
