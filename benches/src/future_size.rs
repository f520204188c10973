//! Benchmark of the size of a handler's future: the bytes that an attribute adds.

use std::future::ready;

use autometrics::autometrics;
use axum::body::Bytes;
use futures_util::stream::{Stream, iter};
use streamgauge::{Usage, instrument_endpoint, streaming_metrics, track_tokens};

use crate::measure::to_f64;
use crate::table::{NumberFormat, Row, Table};
use crate::topic::{Source, Topic};

pub(crate) const TOPIC: Topic = Topic {
    name: "future",
    about: "the size of an annotated handler's future",
    source: Source::Tables(|| Ok(vec![table()])),
};

/// Returns the size of a handler's future, with the given attributes on the handler.
macro_rules! size {
    (
        [$($attributes:tt)*]
        ($($argument:ident: $kind:ty = $value:expr),*) -> [$($output:tt)*] $body:tt
    ) => {{
        $($attributes)*
        async fn handler($($argument: $kind),*) -> $($output)* $body

        size_of_val(&handler($($value),*))
    }};
}

/// Returns the sizes of a handler's future: without attributes, and with each of the given sets of
/// attributes.
macro_rules! sizes {
    ($arguments:tt -> $output:tt $body:tt $([$($attributes:tt)*])+) => {
        vec![
            size!([] $arguments -> $output $body),
            $(size!([$($attributes)*] $arguments -> $output $body)),+
        ]
    };
}

fn table() -> Table {
    let handlers = [
        (
            "no arguments: `#[instrument_endpoint]`",
            sizes!(() -> [u8] {
                ready(()).await;
                1
            } [#[instrument_endpoint]] [#[autometrics]]),
        ),
        (
            "64 bytes of arguments: `#[instrument_endpoint]`",
            sizes!((bytes: [u8; 64] = [0; 64]) -> [u8] {
                ready(()).await;
                bytes[0]
            } [#[instrument_endpoint]] [#[autometrics]]),
        ),
        (
            "1,024 bytes of arguments: `#[instrument_endpoint]`",
            sizes!((bytes: [u8; 1024] = [0; 1024]) -> [u8] {
                ready(()).await;
                bytes[0]
            } [#[instrument_endpoint]] [#[autometrics]]),
        ),
        (
            "1,024 bytes of arguments, a `?` in the body: `#[instrument_endpoint]`",
            sizes!((bytes: [u8; 1024] = [0; 1024]) -> [Result<i8, std::num::TryFromIntError>] {
                ready(()).await;
                let number = i8::try_from(bytes[0])?;
                ready(()).await;
                Ok(number)
            } [#[instrument_endpoint]] [#[autometrics]]),
        ),
        (
            "64 bytes of arguments: `#[track_tokens]`",
            sizes!((bytes: [u8; 64] = [0; 64]) -> [Usage] {
                ready(()).await;
                Usage::new(bytes[0].into(), 1)
            } [#[track_tokens(provider = "house", model = "small-1")]] [#[autometrics]]),
        ),
        (
            "64 bytes of arguments: `#[instrument_endpoint]` and `#[track_tokens]`",
            sizes!((bytes: [u8; 64] = [0; 64]) -> [Usage] {
                ready(()).await;
                Usage::new(bytes[0].into(), 1)
            } [
                #[instrument_endpoint]
                #[track_tokens(provider = "house", model = "small-1")]
            ] [#[autometrics]]),
        ),
        (
            // `#[autometrics]` does not support functions that return `impl Trait`.
            "64 bytes of arguments, returns a stream: `#[streaming_metrics]`",
            sizes!((bytes: [u8; 64] = [0; 64]) -> [impl Stream<Item = Bytes>] {
                ready(()).await;
                iter(bytes.map(|byte| Bytes::from(vec![byte])))
            } [#[streaming_metrics]]),
        ),
    ];
    let rows = handlers.into_iter().map(|(name, sizes)| {
        let size = |index: usize| sizes.get(index).map(|size| to_f64(*size as u64));
        let growth = |index| Some(size(index)? - size(0)?);
        let values = vec![size(0), size(1), growth(1), growth(2)];
        Row { name: name.to_owned(), values, disturbed: false }
    });
    Table {
        topic: TOPIC.name,
        caption: "The size of a handler's future, in bytes.".to_owned(),
        row_header: "handler",
        columns: vec![
            ("bare", NumberFormat::Integer),
            ("annotated", NumberFormat::Integer),
            ("added by the attribute", NumberFormat::Integer),
            ("added by `#[autometrics]`", NumberFormat::Integer),
        ],
        rows: rows.collect(),
    }
}
