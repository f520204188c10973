//! A duplicate attribute on one function, which would record the function twice.

use futures_core::Stream;
use futures_util::stream::empty;
use streamgauge::{Usage, instrument_endpoint, streaming_metrics, track_tokens};

#[instrument_endpoint]
#[instrument_endpoint]
async fn alike() {}

#[instrument_endpoint(endpoint = "/a")]
#[must_use]
#[streamgauge::instrument_endpoint(endpoint = "/b")]
fn apart() -> u32 {
    1
}

#[track_tokens(model = "small")]
#[instrument_endpoint]
#[track_tokens(model = "large")]
fn tokens() -> Usage {
    Usage::new(1, 2)
}

#[streaming_metrics]
#[streaming_metrics(media_type = "text/plain")]
fn stream() -> impl Stream<Item = String> {
    empty()
}

struct Client;

impl Client {
    #[track_tokens]
    #[track_tokens]
    async fn ask(&self) -> Usage {
        Usage::new(1, 2)
    }
}

#[tokio::main]
async fn main() {
    alike().await;
    let _ = apart();
    tokens();
    drop(stream());
    Client.ask().await;
}
