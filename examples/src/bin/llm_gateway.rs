//! A demonstration language-model gateway.
//!
//! It speaks the chat APIs of `OpenAI` and Anthropic, plain and streamed, so that their own client
//! libraries can talk to it, in front of a model that only recites. Start it with
//! `cargo run --bin llm_gateway`; it prints what to try.

use std::{
    error::Error,
    io::{self, Write},
    net::SocketAddr,
    process::ExitCode,
    time::Duration,
};

use clap::Parser;
use streamgauge::Metrics;
use streamgauge_examples::llm_gateway::{self, Pace};
use tokio::net::TcpListener;

/// A demonstration language-model gateway.
#[derive(Parser)]
struct Options {
    /// Where to listen; port 0 lets the system choose one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,

    /// The pause before each generated token, in milliseconds.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 20)]
    pace: u64,
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
    llm_gateway::load_vocabulary();
    let listener = TcpListener::bind(options.listen).await?;
    let stop = asked_to_stop()?;
    greet(listener.local_addr()?)?;
    let pace = Pace::new(Duration::from_millis(options.pace));
    let app = llm_gateway::app(pace, metrics);
    axum::serve(listener, app).with_graceful_shutdown(stop).await?;
    Ok(())
}

/// Prints the address, alone on the first line for scripts to read, and what to try there.
///
/// All of it is one write, so that a script may stop reading after the first line.
fn greet(address: SocketAddr) -> io::Result<()> {
    let greeting = format!(
        r#"listening on http://{address}

Try:
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
    );
    let mut stdout = io::stdout().lock();
    stdout.write_all(greeting.as_bytes())?;
    stdout.flush()
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
