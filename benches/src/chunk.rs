//! One chunk of a stream: what metering it adds to the bare stream.

use axum::body::Bytes;
use futures_util::stream::{Stream, StreamExt, iter};
use futures_util::{FutureExt, pin_mut};
use prometheus::IntCounter;
use streamgauge::{streaming_metrics, wrap_streaming_response};

use crate::measure::{Contender, in_turns};

/// Chunks of one stream.
const CHUNKS: usize = 1_000;

/// What a model's provider sends a token in.
const DELTA: &[u8] =
    b"data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\
\"model\":\"small-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" word\"},\
\"finish_reason\":null}],\"usage\":null}\n\n";

fn deltas() -> impl Stream<Item = Bytes> {
    iter(std::iter::repeat_n(Bytes::from_static(DELTA), CHUNKS))
}

/// The least that a user would write by hand.
fn two_counters(chunks: &IntCounter, bytes: &IntCounter) -> impl Stream<Item = Bytes> {
    deltas().inspect(move |chunk| {
        chunks.inc();
        bytes.inc_by(chunk.len() as u64);
    })
}

#[streaming_metrics(endpoint = "/annotated")]
fn annotated() -> impl Stream<Item = Bytes> {
    deltas()
}

#[streaming_metrics(endpoint = "/read", protocol = "openai", provider = "house")]
fn read() -> impl Stream<Item = Bytes> {
    deltas()
}

fn drain(stream: impl Stream<Item = Bytes>) {
    pin_mut!(stream);
    assert_eq!(stream.count().now_or_never(), Some(CHUNKS));
}

/// Measures and prints the table.
pub(crate) fn run() {
    let counter = |name| IntCounter::new(name, "What a name says.").expect("the name is valid");
    let (chunks, bytes) = (counter("chunks"), counter("bytes"));
    let mut contenders = [
        Contender::new("bare stream", || drain(deltas())),
        Contender::new("two `prometheus` counters by hand", move || {
            drain(two_counters(&chunks, &bytes));
        }),
        Contender::new("streamgauge, `wrap_streaming_response`", || {
            drain(wrap_streaming_response(deltas(), "/wrapped"));
        }),
        Contender::new("streamgauge, `#[streaming_metrics]`", || drain(annotated())),
        Contender::new("streamgauge, `protocol = \"openai\"`", || drain(read())),
    ];
    in_turns(&mut contenders);
    let per_chunk = |cost: f64| cost / f64::from(u32::try_from(CHUNKS).expect("it is small"));
    let bare = per_chunk(contenders[0].cost().median);
    println!("\nOne chunk of a stream of {CHUNKS}, each {} bytes.\n", DELTA.len());
    println!("| contender | ns | +/- | above bare, ns |");
    println!("|---|--:|--:|--:|");
    for contender in &contenders {
        let cost = contender.cost();
        let (median, spread) = (per_chunk(cost.median), per_chunk(cost.spread));
        println!("| {} | {median:.1} | {spread:.1} | {:.1} |", contender.name, median - bare);
    }
}
