//! Under the strictest lints an attribute adds no finding and hides no finding of the body.

#![deny(
    warnings,
    clippy::all,
    clippy::pedantic,
    clippy::nursery,
    clippy::cargo,
    clippy::allow_attributes,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::default_numeric_fallback,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::integer_division,
    clippy::let_underscore_must_use,
    clippy::map_err_ignore,
    clippy::mem_forget,
    clippy::panic,
    clippy::pattern_type_mismatch,
    clippy::print_stdout,
    clippy::same_name_method,
    clippy::shadow_reuse,
    clippy::shadow_same,
    clippy::shadow_unrelated,
    clippy::string_slice,
    clippy::unreachable,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    absolute_paths_not_starting_with_crate,
    elided_lifetimes_in_paths,
    explicit_outlives_requirements,
    let_underscore_drop,
    macro_use_extern_crate,
    meta_variable_misuse,
    missing_copy_implementations,
    missing_debug_implementations,
    redundant_lifetimes,
    single_use_lifetimes,
    trivial_casts,
    trivial_numeric_casts,
    unit_bindings,
    unnameable_types,
    unreachable_pub,
    unsafe_code,
    unused_import_braces,
    unused_lifetimes,
    unused_qualifications,
    unused_results,
    variant_size_differences
)]

use std::fmt::Display;
use std::num::ParseIntError;
use std::pin::Pin;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use futures_core::Stream;
use futures_util::StreamExt;
use futures_util::stream::iter;
use streamgauge::{TokenUsage, Usage, instrument_endpoint, streaming_metrics, track_tokens};

use crate::event_log::pause;

#[instrument_endpoint]
async fn nothing() {
    pause().await;
}

#[instrument_endpoint]
fn leaves(seen: &mut Vec<u8>) {
    if seen.is_empty() {
        return;
    }
    seen.push(1);
}

#[instrument_endpoint(endpoint = "/items/{id}", method = "GET")]
async fn handler(State(name): State<String>, Path((id, _)): Path<(u8, u8)>) -> impl IntoResponse {
    pause().await;
    format!("{name} {id}")
}

#[instrument_endpoint]
async fn questioned(text: &str, mut numbers: Vec<u8>) -> Result<Vec<u8>, ParseIntError> {
    let number = text.parse()?;
    pause().await;
    numbers.push(number);
    Ok(numbers)
}

#[instrument_endpoint]
fn generic<T: Display + ?Sized, const N: usize>(value: &T, _others: [u8; N]) -> String {
    value.to_string()
}

#[instrument_endpoint]
fn future(text: &str) -> impl Future<Output = usize> {
    async {
        pause().await;
        text.len()
    }
}

#[track_tokens(provider = "house", model = model)]
fn boxed(model: &str, input: u64) -> Pin<Box<dyn Future<Output = Option<Usage>> + Send>> {
    let output = u64::from(model.is_empty());
    Box::pin(async move {
        pause().await;
        Some(Usage::new(input, output))
    })
}

#[derive(Debug, Clone, Copy, TokenUsage)]
struct Answer {
    #[token_usage(input)]
    input: u64,
    #[token_usage(output)]
    output: u64,
}

#[derive(Debug)]
struct Client {
    model: String,
}

impl Client {
    #[instrument_endpoint]
    #[track_tokens(model = self.model)]
    async fn ask(&self, input: u64) -> Result<Answer, ParseIntError> {
        pause().await;
        let output = self.model.len().to_string().parse()?;
        Ok(Answer { input, output })
    }

    #[track_tokens(model = self.model)]
    #[instrument_endpoint]
    fn into_usage(self, answer: Answer) -> Usage {
        Usage::new(answer.input, answer.output)
    }
}

#[streaming_metrics]
fn words(text: &str) -> impl Stream<Item = String> {
    iter(text.split(' ').map(str::to_owned))
}

#[streaming_metrics(model = model)]
async fn words_in_box(
    model: &str,
    fail: bool,
) -> Result<Pin<Box<dyn Stream<Item = String>>>, String> {
    pause().await;
    if fail {
        return Err(model.to_owned());
    }
    Ok(Box::pin(words("a b")))
}

#[instrument_endpoint]
#[streaming_metrics(media_type = "text/plain")]
#[track_tokens(model = "small")]
async fn response(State(name): State<String>) -> impl Stream<Item = String> {
    pause().await;
    iter([name])
}

#[streaming_metrics]
fn body() -> Body {
    Body::empty()
}

#[tokio::test]
async fn lints_find_nothing_in_annotated_functions() {
    nothing().await;
    let mut seen = vec![1];
    leaves(&mut seen);
    assert_eq!(seen, [1, 1]);
    let reply = handler(State("a".to_owned()), Path((7, 8))).await.into_response();
    assert_eq!(reply.status(), 200);
    assert_eq!(questioned("7", seen).await, Ok(vec![1, 1, 7]));
    assert_eq!(generic("a", [1]), "a");
    assert_eq!(future("ab").await, 2);
    assert_eq!(boxed("", 1).await, Some(Usage::new(1, 1)));
    let client = Client { model: "small".to_owned() };
    let answer = client.ask(1).await;
    let usage = answer.map(|tokens| client.into_usage(tokens));
    assert_eq!(usage, Ok(Usage::new(1, 5)));
    assert_eq!(words("a b").count().await, 2);
    assert!(words_in_box("small", true).await.is_err());
    assert_eq!(response(State("a".to_owned())).await.status(), 200);
    drop(body());
}

/// Clippy still reports findings in annotated signatures and bodies.
mod expected {
    use super::{Stream, Usage, instrument_endpoint, iter, streaming_metrics, track_tokens};

    #[instrument_endpoint]
    #[expect(clippy::unused_async)]
    pub(super) async fn never_waits() -> u8 {
        1
    }

    #[instrument_endpoint]
    #[expect(clippy::len_zero, clippy::bool_to_int_with_if)]
    pub(super) fn in_the_body(text: &str) -> u8 {
        if text.len() == 0 { 1 } else { 0 }
    }

    #[track_tokens]
    #[expect(clippy::useless_conversion)]
    pub(super) async fn in_an_async_body(input: u64) -> Usage {
        super::pause().await;
        Usage::new(u64::from(input), 1)
    }

    #[streaming_metrics]
    #[expect(clippy::map_clone, clippy::ptr_arg, clippy::redundant_closure_for_method_calls)]
    pub(super) fn in_a_signature(words: &Vec<String>) -> impl Stream<Item = String> {
        iter(words.iter().map(|word| word.clone()))
    }

    #[instrument_endpoint]
    #[expect(
        clippy::too_many_arguments,
        clippy::fn_params_excessive_bools,
        clippy::many_single_char_names
    )]
    pub(super) fn of_arguments(
        a: bool,
        b: bool,
        c: bool,
        d: bool,
        e: u8,
        f: u8,
        g: u8,
        h: u8,
    ) -> (bool, u8) {
        (a || b || c || d, e ^ f ^ g ^ h)
    }
}

#[tokio::test]
async fn lints_still_report_findings_of_the_body() {
    assert_eq!(expected::never_waits().await, expected::in_the_body(""));
    assert_eq!(expected::in_an_async_body(1).await, Usage::new(1, 1));
    drop(expected::in_a_signature(&vec![]));
    assert_eq!(expected::of_arguments(true, false, false, false, 1, 2, 3, 4), (true, 4));
}
