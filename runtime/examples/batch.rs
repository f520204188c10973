//! A batch job: it ends before anybody could scrape it, so it pushes what it has measured.
//!
//! `cargo run -p streamgauge --features push --example batch -- --gateway http://localhost:9091` leaves its metrics at a Pushgateway.

use std::error::Error;

use clap::Parser;
use streamgauge::{Metrics, PushGateway, Usage, track_tokens};

/// A batch job that pushes its metrics.
#[derive(Parser)]
struct Options {
    /// The address of the Pushgateway.
    #[arg(long, value_name = "URL")]
    gateway: String,

    /// What the job is called there.
    #[arg(long, value_name = "NAME", default_value = "summaries")]
    job: String,

    /// Which of several jobs of that name this is.
    #[arg(long, value_name = "NAME")]
    shard: Option<String>,

    /// Deletes what is there instead.
    #[arg(long)]
    delete: bool,
}

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
