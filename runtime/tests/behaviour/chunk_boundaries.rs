//! Chunk boundaries and the number of concurrent streams do not change how a protocol is parsed.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::get as route_get;
use futures_util::stream as streams;
use streamgauge::{Metrics, streaming_metrics};
use streamgauge_test_support::client::{get, metrics, settled};

use crate::sample_replies::{Frames, OPENAI, SAMPLES};

#[streaming_metrics(protocol = "auto")]
fn parsed_stream(chunks: Vec<Bytes>) -> Frames {
    Box::pin(streams::iter(chunks.into_iter().map(Ok)))
}

async fn serve(metrics: &Metrics, chunks: Vec<Bytes>) {
    let handler = move || async move { Body::from_stream(parsed_stream(chunks)) };
    let app = Router::new().route("/chat", route_get(handler)).layer(metrics.layer());
    get(&app, "/chat").await;
}

/// Families whose values do not depend on the chunks of a stream or on time.
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

/// The lines of these families. They are compared as text, because parsing the whole page for every
/// split would take most of the time of all tests.
fn samples(metrics: &Metrics) -> Vec<String> {
    let page = metrics.encode_text().expect("the page encodes");
    // Series at zero of other functions exist or not, as other tests of this process run or not.
    let is_listed = |line: &&str| {
        FAMILIES.iter().any(|family| line.starts_with(family)) && line.contains("\"/chat\"")
    };
    page.lines().filter(is_listed).map(str::to_owned).collect()
}

#[tokio::test]
async fn chunk_boundaries_do_not_change_the_parsed_reply() {
    for sample in SAMPLES {
        let mut failed = sample.frames_before_end();
        failed.push(sample.error);
        for frames in [sample.frames(), failed] {
            let bytes = Bytes::from(frames.concat());
            let lines_after = async |chunks: Vec<Bytes>| {
                let metrics = metrics();
                serve(&metrics, chunks).await;
                samples(&metrics)
            };
            let whole = lines_after(vec![bytes.clone()]).await;
            let has_model = |line: &String| line.contains(r#"model="m-1""#) && line.ends_with(" 1");
            assert!(whole.iter().any(has_model), "{}: {whole:#?}", sample.protocol);
            for at in 0..=bytes.len() {
                let split = lines_after(vec![bytes.slice(..at), bytes.slice(at..)]).await;
                assert_eq!(split, whole, "{} split at {at}", sample.protocol);
            }
            let bytewise = lines_after(bytes.chunks(1).map(Bytes::copy_from_slice).collect()).await;
            assert_eq!(bytewise, whole, "{} byte by byte", sample.protocol);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_streams_are_counted_exactly() {
    let metrics = metrics();
    let mut chunks = vec![Bytes::from(OPENAI.opening)];
    chunks.extend(std::iter::repeat_n(Bytes::from(OPENAI.tokens[0]), 97));
    chunks.extend([Bytes::from(OPENAI.closing), Bytes::from(OPENAI.end)]);
    let streams: Vec<_> = (0..500)
        .map(|_| {
            let (metrics, chunks) = (metrics.clone(), chunks.clone());
            tokio::spawn(async move { serve(&metrics, chunks).await })
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
