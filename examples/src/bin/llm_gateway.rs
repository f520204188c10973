//! A demonstration language-model gateway.
//!
//! It speaks the chat APIs of `OpenAI` and Anthropic, plain and streamed, so that their own client
//! libraries can talk to it, in front of a model that only recites. With `--upstream` it is a proxy in
//! front of a server that has real ones. Start it with `cargo run --bin llm_gateway`; it prints what to
//! try.

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

/// The environment variable of the upstream's key, which no command line shows.
const KEY: &str = "UPSTREAM_API_KEY";

/// A demonstration language-model gateway.
///
/// Without --upstream a model that only recites answers.
#[derive(Parser)]
#[command(after_help = "Environment:
  UPSTREAM_API_KEY  The key to the upstream, sent instead of the clients' own; without it theirs pass")]
struct Options {
    /// Where to listen; port 0 lets the system choose one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,

    /// The pause before each generated token, in milliseconds.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 20, conflicts_with = "upstream")]
    pace: u64,

    /// A server to pass every request on to, such as `https://api.example.com/v1`.
    #[arg(
        long,
        value_name = "URL",
        help = "A server to pass every request on to, such as https://api.example.com/v1"
    )]
    upstream: Option<String>,

    /// What the `provider` label calls the upstream; without it the label is empty.
    #[arg(long, value_name = "NAME", requires = "upstream")]
    provider: Option<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    // Standard output is for the address; everything else goes beside it.
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
        Some(url) => proxy::app(upstream(url, options.provider.as_deref())?, metrics),
        None => demonstration(options.pace, metrics),
    };
    let listener = TcpListener::bind(options.listen).await?;
    let stop = asked_to_stop()?;
    greet(listener.local_addr()?, options.upstream.is_some())?;
    axum::serve(listener, app).with_graceful_shutdown(stop).await?;
    Ok(())
}

fn demonstration(pace: u64, metrics: &Metrics) -> Router {
    llm_gateway::load_vocabulary();
    llm_gateway::app(Pace::new(Duration::from_millis(pace)), metrics)
}

fn upstream(url: &str, provider: Option<&str>) -> Result<Upstream, Box<dyn Error>> {
    let key = match env::var(KEY) {
        Ok(key) => Some(key).filter(|key| !key.is_empty()),
        Err(VarError::NotPresent) => None,
        // The error's own text would show it.
        Err(VarError::NotUnicode(_)) => return Err(format!("{KEY} is not UTF-8").into()),
    };
    let provider = provider.unwrap_or_default().to_owned();
    Ok(Upstream::new(&Settings { provider, key, ..Settings::new(url) })?)
}

/// Prints the address, alone on the first line for scripts to read, and what to try there.
///
/// All of it is one write, so that a script may stop reading after the first line.
fn greet(address: SocketAddr, is_proxy: bool) -> io::Result<()> {
    let try_it = if is_proxy { try_proxy(address) } else { try_demonstration(address) };
    let greeting = format!("listening on http://{address}\n\n{try_it}\n");
    let mut stdout = io::stdout().lock();
    stdout.write_all(greeting.as_bytes())?;
    stdout.flush()
}

fn try_demonstration(address: SocketAddr) -> String {
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

fn try_proxy(address: SocketAddr) -> String {
    format!(
        r#"Everything is passed on to the upstream. Try:
  curl http://{address}/v1/models
  curl http://{address}/metrics

Or with the Python libraries `openai` and `anthropic`:
  OpenAI(base_url="http://{address}/v1")
  Anthropic(base_url="http://{address}")
"#
    )
}

/// Resolves on ctrl-c and on SIGTERM. They are listened for from the call on, not from the first poll:
/// whoever has read the greeting may stop the gateway.
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
