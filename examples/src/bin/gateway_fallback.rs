//! A gateway for chat completions with retries, fallback and the cost of each tenant.
//!
//! ```text
//! FIRST_API_KEY=… SECOND_API_KEY=… cargo run --bin gateway_fallback -- \
//!     --provider first=https://api.example.com/v1 --provider second=https://api.example.org/v1 \
//!     --tenant acme --tenant zenith --prices prices.json
//! curl http://127.0.0.1:8080/v1/chat/completions -H 'x-tenant: acme' -d '{…}'
//! curl http://127.0.0.1:8080/metrics
//! ```
//!
//! What to look at: `app_llm_calls_total` counts the attempts by `provider` and `error_type`,
//! `app_llm_calls_per_request` shows how many a request needed, `app_llm_call_duration_seconds`
//! compares the providers, and `app_cost_usd_total` is what each `tenant` costs. This file parses
//! the options. The handler is in [`streamgauge_examples::gateway_fallback`].

use std::{
    env,
    error::Error,
    io::{self, Write},
    net::SocketAddr,
    path::PathBuf,
    time::Duration,
};

use clap::Parser;
use reqwest::Client;
use streamgauge::{Metrics, Prices, RequestLabel};
use streamgauge_examples::{
    gateway_fallback::{Gateway, Provider, app},
    shutdown,
};
use tokio::net::TcpListener;

/// A gateway for chat completions that retries, and falls back to the next provider.
#[derive(Parser)]
#[command(after_help = "Environment:
  <NAME>_API_KEY  API key for the provider NAME: its name in capitals, with `_` for every
                  character that is neither a letter nor a digit")]
struct Options {
    /// Address to listen on; with port 0 the system chooses a free port.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,

    /// Name and base URL of a provider; may be given several times.
    #[arg(long = "provider", value_name = "NAME=URL", required = true, value_parser = provider)]
    providers: Vec<(String, String)>,

    /// Value of the header `x-tenant` that is exported; may be given several times.
    #[arg(long = "tenant", value_name = "NAME")]
    tenants: Vec<String>,

    /// Price file in JSON.
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,

    /// Longest wait for a reply to begin, and between two parts of it, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    timeout: u64,

    /// Longest wait for open responses to end after SIGTERM or ctrl-c, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    drain_seconds: u64,
}

/// Returns the name of the environment variable that holds the key of a provider.
fn key_variable(provider: &str) -> String {
    let name = provider.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    format!("{}_API_KEY", name.to_ascii_uppercase())
}

fn provider(option: &str) -> Result<(String, String), String> {
    let (name, url) = option.split_once('=').ok_or("use the form NAME=URL")?;
    Ok((name.to_owned(), url.to_owned()))
}

fn main() -> Result<(), Box<dyn Error>> {
    shutdown::run(serve(Options::parse()))?
}

async fn serve(options: Options) -> Result<(), Box<dyn Error>> {
    let mut builder = Metrics::builder();
    if !options.tenants.is_empty() {
        let tenant = RequestLabel::new("tenant").from_header("x-tenant").values(options.tenants);
        builder = builder.request_label(tenant);
    }
    if let Some(path) = options.prices {
        builder = builder.prices(Prices::from_file(path)?);
    }
    let with_key = |(name, url): (String, String)| {
        let key = env::var(key_variable(&name)).ok();
        Provider { name, url, key }
    };
    let gateway = Gateway {
        client: Client::builder()
            .connect_timeout(Duration::from_secs(5))
            .read_timeout(Duration::from_secs(options.timeout))
            .build()?,
        providers: options.providers.into_iter().map(with_key).collect(),
        attempts: 2,
        backoff: Duration::from_millis(200),
    };
    let app = app(gateway, builder.install()?);
    let listener = TcpListener::bind(options.listen).await?;
    let signal = shutdown::signal()?;
    writeln!(io::stdout(), "listening on http://{}", listener.local_addr()?)?;
    shutdown::serve(listener, app, signal, Duration::from_secs(options.drain_seconds)).await;
    Ok(())
}
