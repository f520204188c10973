//! What a protocol tells does not depend on how its bytes are split, nor on how many streams there are.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::get as route_get;
use futures_util::stream as streams;
use streamgauge::{Metrics, streaming_metrics};
use streamgauge_tests::Scrape;

use crate::client::{get, metrics, settled};
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

/// Everything that is told of a stream but for its chunks and times.
fn told(scrape: &Scrape) -> Vec<i64> {
    let mut told = Vec::new();
    let mut take = |family: &str, labels: &[(&str, &str)]| told.push(scrape.sum(family, labels));
    for outcome in ["complete", "truncated", "error_event"] {
        take("app_stream_duration_seconds_count", &[("outcome", outcome), ("endpoint", "/chat")]);
    }
    for detail in ["uncached", "cache_read", "cache_write", "response", "reasoning", "unspecified"]
    {
        take("app_token_usage_total", &[("detail", detail), ("model", "m-1")]);
    }
    for finish in ["stop", "error"] {
        take("app_llm_calls_total", &[("finish_reason", finish), ("model", "m-1")]);
    }
    take("app_llm_calls_total", &[]);
    take("app_usage_missing_total", &[]);
    take("app_stream_errors_total", &[("endpoint", "/chat")]);
    take("app_stream_bytes_total", &[]);
    take("app_time_to_first_token_seconds_count", &[("model", "m-1")]);
    take("app_time_per_output_token_seconds_count", &[("model", "m-1")]);
    told
}

#[tokio::test]
async fn every_split_tells_the_same() {
    for sample in SAMPLES {
        let mut failed = sample.body();
        failed.push(sample.error);
        for frames in [sample.whole(), failed] {
            let bytes = Bytes::from(frames.concat());
            let mut whole = None;
            for at in 0..=bytes.len() {
                let metrics = metrics();
                serve(&metrics, vec![bytes.slice(..at), bytes.slice(at..)]).await;
                let told = told(&settled(&metrics));
                let whole = whole.get_or_insert_with(|| told.clone());
                assert_eq!(told, *whole, "{} split at {at}", sample.protocol);
            }
            let metrics = metrics();
            serve(&metrics, bytes.chunks(1).map(Bytes::copy_from_slice).collect()).await;
            assert_eq!(Some(told(&settled(&metrics))), whole, "{} byte by byte", sample.protocol);
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
