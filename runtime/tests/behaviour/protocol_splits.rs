//! What a protocol tells does not depend on how its bytes are split, nor on how many streams there are.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::get as route_get;
use futures_util::stream as streams;
use streamgauge::{Metrics, streaming_metrics};
use streamgauge_test_support::client::{get, metrics, settled};

use crate::samples::{Frames, OPENAI, SAMPLES};

#[streaming_metrics(protocol = "auto")]
fn read(pieces: Vec<Bytes>) -> Frames {
    Box::pin(streams::iter(pieces.into_iter().map(Ok)))
}

async fn serve(metrics: &Metrics, pieces: Vec<Bytes>) {
    let handler = move || async move { Body::from_stream(read(pieces)) };
    let app = Router::new().route("/chat", route_get(handler)).layer(metrics.layer());
    get(&app, "/chat").await;
}

/// What a page says about a stream and does not depend on its chunks and on time.
const FAMILIES: [&str; 8] = [
    "app_llm_calls_total{",
    "app_stream_bytes_total{",
    "app_stream_duration_seconds_count{",
    "app_stream_errors_total{",
    "app_time_per_output_token_seconds_count{",
    "app_time_to_first_token_seconds_count{",
    "app_token_usage_total{",
    "app_usage_missing_total{",
];

/// The samples of these families. Their lines are compared as text: parsing the whole page for every
/// split would take most of the time of all tests.
fn samples(metrics: &Metrics) -> Vec<String> {
    let page = metrics.encode_text().expect("our own families encode");
    let is_one = |line: &&str| FAMILIES.iter().any(|family| line.starts_with(family));
    page.lines().filter(is_one).map(str::to_owned).collect()
}

#[tokio::test]
async fn splits_at_every_byte_read_the_same() {
    for sample in SAMPLES {
        let mut failed = sample.body();
        failed.push(sample.error);
        for frames in [sample.whole(), failed] {
            let bytes = Bytes::from(frames.concat());
            let read = async |pieces: Vec<Bytes>| {
                let metrics = metrics();
                serve(&metrics, pieces).await;
                samples(&metrics)
            };
            let whole = read(vec![bytes.clone()]).await;
            let is_read = |line: &String| line.contains(r#"model="m-1""#) && line.ends_with(" 1");
            assert!(whole.iter().any(is_read), "{}: {whole:#?}", sample.protocol);
            for at in 0..=bytes.len() {
                let split = read(vec![bytes.slice(..at), bytes.slice(at..)]).await;
                assert_eq!(split, whole, "{} split at {at}", sample.protocol);
            }
            let bytewise = read(bytes.chunks(1).map(Bytes::copy_from_slice).collect()).await;
            assert_eq!(bytewise, whole, "{} byte by byte", sample.protocol);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_streams_at_once_are_counted_exactly() {
    let metrics = metrics();
    let mut pieces = vec![Bytes::from(OPENAI.opening)];
    pieces.extend(std::iter::repeat_n(Bytes::from(OPENAI.tokens[0]), 97));
    pieces.extend([Bytes::from(OPENAI.closing), Bytes::from(OPENAI.end)]);
    let streams: Vec<_> = (0..500)
        .map(|_| {
            let (metrics, pieces) = (metrics.clone(), pieces.clone());
            tokio::spawn(async move { serve(&metrics, pieces).await })
        })
        .collect();
    for stream in streams {
        stream.await.expect("no stream panics");
    }
    let scrape = settled(&metrics);
    assert_eq!(scrape.sum("app_stream_chunks_total", &[]), 50_000);
    assert_eq!(scrape.sum("app_inter_chunk_seconds_count", &[]), 49_500);
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &[("outcome", "complete")]), 500);
    assert_eq!(scrape.sum("app_llm_calls_total", &[("finish_reason", "stop")]), 500);
    assert_eq!(scrape.sum("app_token_usage_total", &[]), 500 * OPENAI.total());
}
