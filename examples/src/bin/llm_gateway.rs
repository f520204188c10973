//! A gateway for language models that records Prometheus metrics.
//!
//! The gateway implements the chat APIs of `OpenAI` and Anthropic, plain and streamed, so that the
//! providers' client libraries work with it. The replies come from an embedded demonstration model
//! that returns prepared sentences. With `--upstream`, the gateway is a proxy in front of a server
//! with real models instead.
//!
//! ```text
//! cargo run --bin llm_gateway                  # prints its address and commands to try
//! cargo run --bin llm_gateway -- --help
//! UPSTREAM_API_KEY=… cargo run --bin llm_gateway -- --upstream https://api.openai.com/v1
//! curl http://127.0.0.1:8080/metrics
//! ```
//!
//! What to look at: `app_llm_calls_total` counts the calls of models, `app_token_usage_total` their
//! tokens, and `app_time_to_first_chunk_seconds` shows the latency of streamed replies. This file
//! parses the options and starts the server. The routes and handlers are in
//! [`streamgauge_examples::llm_gateway`].

use std::{
    env::{self, VarError},
    error::Error,
    io::{self, Write},
    net::SocketAddr,
    process::ExitCode,
    time::Duration,
};

use axum::Router;
use clap::Parser;
use streamgauge::Metrics;
use streamgauge_examples::llm_gateway::{
    self, Pace,
    proxy::{self, Settings, Upstream},
};
use tokio::net::TcpListener;

/// The environment variable that holds the upstream's API key.
///
/// A command-line option would expose the key in the list of processes.
const API_KEY_VARIABLE: &str = "UPSTREAM_API_KEY";

/// A gateway for language models that records Prometheus metrics.
///
/// Without --upstream, an embedded demonstration model replies with prepared sentences.
#[derive(Parser)]
#[command(after_help = "Environment:
  UPSTREAM_API_KEY  API key for the upstream, sent instead of the clients' keys;
                    without it, the clients' keys are forwarded")]
struct Options {
    /// Address to listen on; with port 0 the system chooses a free port.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,

    /// Pause of the demonstration model before each token, in milliseconds.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 20, conflicts_with = "upstream")]
    pace: u64,

    /// Base URL of a server to forward requests to, such as `https://api.example.com/v1`.
    #[arg(
        long,
        value_name = "URL",
        help = "Base URL of a server to forward requests to, such as https://api.example.com/v1"
    )]
    upstream: Option<String>,

    /// Value of the label `provider` for the upstream's calls; empty by default.
    #[arg(long, value_name = "NAME", requires = "upstream")]
    provider: Option<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    // Scripts read the address from standard output, so logs go to standard error.
    tracing_subscriber::fmt().with_writer(io::stderr).init();
    match serve(&Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("llm_gateway: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(options: &Options) -> Result<(), Box<dyn Error>> {
    let metrics = Metrics::builder().skip_paths(["/health"]).install()?;
    let app = match &options.upstream {
        Some(url) => proxy::app(upstream_from(url, options.provider.as_deref())?, metrics),
        None => demonstration_app(options.pace, metrics),
    };
    let listener = TcpListener::bind(options.listen).await?;
    let shutdown = shutdown_signal()?;
    print_greeting(listener.local_addr()?, options.upstream.is_some())?;
    axum::serve(listener, app).with_graceful_shutdown(shutdown).await?;
    Ok(())
}

fn demonstration_app(pace: u64, metrics: &Metrics) -> Router {
    llm_gateway::load_vocabulary();
    llm_gateway::app(Pace::new(Duration::from_millis(pace)), metrics)
}

fn upstream_from(url: &str, provider: Option<&str>) -> Result<Upstream, Box<dyn Error>> {
    let key = match env::var(API_KEY_VARIABLE) {
        Ok(key) => Some(key).filter(|key| !key.is_empty()),
        Err(VarError::NotPresent) => None,
        // The text of `VarError` would contain the key.
        Err(VarError::NotUnicode(_)) => {
            return Err(format!("{API_KEY_VARIABLE} is not valid UTF-8").into());
        }
    };
    let provider = provider.unwrap_or_default().to_owned();
    Ok(Upstream::new(&Settings { provider, key, ..Settings::new(url) })?)
}

/// Prints the address and commands to try.
///
/// Scripts read the address from the first line. The whole greeting is a single write, so that a
/// script may close the pipe after the first line.
fn print_greeting(address: SocketAddr, is_proxy: bool) -> io::Result<()> {
    let commands = if is_proxy { proxy_commands(address) } else { demonstration_commands(address) };
    let greeting = format!("listening on http://{address}\n\n{commands}\n");
    let mut stdout = io::stdout().lock();
    stdout.write_all(greeting.as_bytes())?;
    stdout.flush()
}

fn demonstration_commands(address: SocketAddr) -> String {
    format!(
        r#"Try:
  curl http://{address}/v1/models
  curl http://{address}/v1/chat/completions -H 'content-type: application/json' \
    -d '{{"model": "demo-1", "messages": [{{"role": "user", "content": "Hello"}}]}}'
  curl -N http://{address}/v1/chat/completions -H 'content-type: application/json' \
    -d '{{"model": "demo-1", "stream": true, "messages": [{{"role": "user", "content": "Hello"}}]}}'
  curl -N http://{address}/v1/messages -H 'content-type: application/json' \
    -d '{{"model": "demo-1", "stream": true, "max_tokens": 50, "messages": [{{"role": "user", "content": "Hello"}}]}}'
  curl -N http://{address}/stream
  curl http://{address}/metrics

Or with the Python library `openai`:
  OpenAI(base_url="http://{address}/v1", api_key="any").chat.completions.create(
      model="demo-1", messages=[{{"role": "user", "content": "Hello"}}])
"#
    )
}

fn proxy_commands(address: SocketAddr) -> String {
    format!(
        r#"Every request is forwarded to the upstream. Try:
  curl http://{address}/v1/models
  curl http://{address}/metrics

Or with the Python libraries `openai` and `anthropic`:
  OpenAI(base_url="http://{address}/v1")
  Anthropic(base_url="http://{address}")
"#
    )
}

/// Returns a future that resolves on ctrl-c or SIGTERM.
///
/// The signal handlers are installed by the call, not by the first poll: a script may stop the
/// gateway as soon as it has read the greeting.
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
