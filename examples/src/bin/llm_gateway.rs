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
//! The page at `/live` shows in a browser what the gateway records.
//!
//! On the metrics page, `app_llm_calls_total` counts the calls to models, `app_token_usage_total`
//! counts their tokens, and `app_time_to_first_chunk_seconds` has the latency of streamed replies.
//!
//! This file parses the options and starts the server. The routes and handlers are in
//! [`streamgauge_examples::llm_gateway`].

use std::{
    env::{self, VarError},
    error::Error,
    io::{self, Write},
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use clap::Parser;
use streamgauge::{FileWriter, Metrics, Objective};
use streamgauge_examples::{
    llm_gateway::{
        self, Pace,
        proxy::{self, Settings, Upstream},
        welcome::{self, Welcome},
    },
    shutdown,
};
use tokio::net::TcpListener;

/// The environment variable that holds the API key of the first upstream.
///
/// A command-line option would expose the key in the list of processes.
const API_KEY_VARIABLE: &str = "UPSTREAM_API_KEY";

/// The interval between two writes of the metrics file.
const WRITE_INTERVAL: Duration = Duration::from_secs(15);

#[derive(Parser)]
#[command(about = ABOUT, after_help = EXAMPLES)]
struct Options {
    /// Address to listen on; with port 0 the system chooses a free port
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,

    /// Longest wait for open responses to end after SIGTERM or ctrl-c
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    drain_seconds: u64,

    /// Pause before each token of a reply
    #[arg(
        help_heading = "Demonstration model",
        long,
        value_name = "MILLISECONDS",
        default_value_t = 20,
        conflicts_with = "upstreams"
    )]
    pace: u64,

    /// Base URL of a server to forward requests to; repeat the option for fallbacks
    #[arg(help_heading = "Proxy", long = "upstream", value_name = "URL")]
    upstreams: Vec<String>,

    /// Value of the label `provider`, one for each upstream, in order [default: upstream-1, ...]
    #[arg(help_heading = "Proxy", long = "provider", value_name = "NAME", requires = "upstreams")]
    providers: Vec<String>,

    /// Longest wait for a reply to begin, and between two parts of a reply
    #[arg(
        help_heading = "Proxy",
        long,
        value_name = "SECONDS",
        default_value_t = 600,
        requires = "upstreams"
    )]
    timeout: u64,

    /// File to write the metrics to, every 15 seconds and when the gateway ends
    #[arg(help_heading = "Metrics", long, value_name = "FILE")]
    metrics_file: Option<PathBuf>,

    /// Directory to write a rule file and dashboards to; the gateway then ends
    #[arg(help_heading = "Metrics", long, value_name = "DIR")]
    monitoring: Option<PathBuf>,
}

/// The beginning of the help.
const ABOUT: &str = "\
A gateway for language models that records Prometheus metrics.

Without --upstream, the gateway has a demonstration model that replies with prepared sentences.
With --upstream, the gateway is a proxy in front of a server with the API of OpenAI or Anthropic.

The page at / shows requests to try, the page at /metrics has the metrics, and the page at /live
shows requests, streams and model calls in a browser as they happen.";

/// The end of the help.
const EXAMPLES: &str = "\
Fallbacks:
  If an upstream cannot be reached, does not reply in time, or replies with 429 or 5xx,
  the request is sent to the next upstream. Each attempt is counted as a call.

Environment:
  UPSTREAM_API_KEY    API key for the first upstream, sent instead of the clients' keys;
                      without it, the clients' keys are forwarded
  UPSTREAM_API_KEY_2  API key for the second upstream, and so on

Examples:
  llm_gateway
      Replies with the demonstration model.
  UPSTREAM_API_KEY=... llm_gateway --upstream https://api.openai.com/v1 --provider openai
      Forwards requests to a provider, with the gateway's own key.
  llm_gateway --upstream http://127.0.0.1:11434 --provider ollama \\
              --upstream https://api.example.com --provider example --timeout 60
      Forwards requests to a server on this machine, and to a second one if the first fails.";

fn main() -> ExitCode {
    // Scripts read the address from standard output, so logs go to standard error.
    tracing_subscriber::fmt().with_writer(io::stderr).init();
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("llm_gateway: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let writer = shutdown::run(serve(options))??;
    // All responses have ended or are dropped, so the last write includes all of them.
    match writer {
        Some(writer) => shutdown::run(writer.stop())?.map_err(Into::into),
        None => Ok(()),
    }
}

/// Serves until a signal, and returns the writer of the metrics file, if there is one.
async fn serve(options: &Options) -> Result<Option<FileWriter>, Box<dyn Error>> {
    // The page at `/` and the health check are not the traffic that an operator asks about.
    let chat = Objective::new().success(99.5).first_token(Duration::from_secs(1), 95.0);
    let metrics = Metrics::builder()
        .skip_paths(["/", "/health"])
        .objective("/v1/chat/completions", chat)
        .install()?;
    if let Some(directory) = &options.monitoring {
        metrics.monitoring().write_to(directory)?;
        return Ok(None);
    }
    let upstreams = upstreams_from(options)?;
    let app = match upstreams.split_first() {
        Some((first, fallbacks)) => proxy::app(first.clone(), fallbacks.to_vec(), metrics),
        None => llm_gateway::app(Pace::new(Duration::from_millis(options.pace)), metrics),
    };
    // Outside the layers of the gateway, which are for the traffic of its clients.
    let live = metrics.live();
    let app = app.nest_service("/live", live.clone());
    let listener = TcpListener::bind(options.listen).await?;
    let signal = shutdown::signal()?;
    let signal = async move {
        signal.await;
        // The streams of open live pages do not end by themselves.
        live.close();
    };
    let write = |path| metrics.spawn_file_writer(path, WRITE_INTERVAL);
    let writer = options.metrics_file.as_ref().map(write).transpose()?;
    if upstreams.is_empty() {
        print_greeting(listener.local_addr()?, &welcome::DEMONSTRATION)?;
        tokio::spawn(llm_gateway::load_vocabulary());
    } else {
        print_greeting(listener.local_addr()?, &welcome::PROXY)?;
    }
    shutdown::serve(listener, app, signal, Duration::from_secs(options.drain_seconds)).await;
    Ok(writer)
}

fn upstreams_from(options: &Options) -> Result<Vec<Upstream>, Box<dyn Error>> {
    if options.providers.len() > options.upstreams.len() {
        return Err("there are more options --provider than --upstream".into());
    }
    let upstream = |(number, url): (usize, &String)| {
        let named = options.providers.get(number - 1);
        let settings = Settings {
            provider: named.map_or_else(|| format!("upstream-{number}"), String::clone),
            key: key_of_upstream(number)?,
            read_timeout: Duration::from_secs(options.timeout),
            ..Settings::new(url)
        };
        Ok(Upstream::new(&settings)?)
    };
    (1..).zip(&options.upstreams).map(upstream).collect()
}

/// Returns the API key for an upstream, counted from 1. Each upstream gets no key but its own.
fn key_of_upstream(number: usize) -> Result<Option<String>, Box<dyn Error>> {
    let variable = match number {
        1 => API_KEY_VARIABLE.to_owned(),
        number => format!("{API_KEY_VARIABLE}_{number}"),
    };
    match env::var(&variable) {
        Ok(key) => Ok(Some(key).filter(|key| !key.is_empty())),
        Err(VarError::NotPresent) => Ok(None),
        // The text of `VarError` would contain the key.
        Err(VarError::NotUnicode(_)) => Err(format!("{variable} is not valid UTF-8").into()),
    }
}

/// Prints the address, that of the live page, and commands to try.
///
/// Scripts read the address from the first line. The whole greeting is a single write, so that a
/// script may close the pipe after the first line.
fn print_greeting(address: SocketAddr, welcome: &Welcome) -> io::Result<()> {
    let url = format!("http://{address}");
    let greeting = format!("listening on {url}\nlive page: {url}/live\n\n{}\n", welcome.text(&url));
    let mut stdout = io::stdout().lock();
    stdout.write_all(greeting.as_bytes())?;
    stdout.flush()
}
