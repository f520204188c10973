//! In crates of older editions an annotated function behaves as the plain one.
//!
//! Editions differ in drop order, in captures and in reserved names.

#![expect(clippy::needless_pass_by_value, reason = "the drop of arguments is under test")]

#[path = "../tests/functions/event_log.rs"]
mod event_log;

use std::convert::TryFrom;
use std::future::Future;
use std::num::ParseIntError;
use std::pin::Pin;

use async_trait::async_trait;
use futures_core::Stream;
use futures_util::stream::iter;
use futures_util::{FutureExt, StreamExt};
use streamgauge::{
    Metrics, TokenUsage, Usage, instrument_endpoint, streaming_metrics, track_tokens,
};
use streamgauge_test_support::Scrape;

use crate::event_log::{Noisy, logged, note, pause};

/// Declares the same functions in a module `plain` without attributes, and in a module `annotated`
/// with `#[instrument_endpoint]`.
macro_rules! plain_and_annotated {
    ($($function:item)*) => {
        mod plain {
            use super::*;
            $($function)*
        }
        mod annotated {
            use super::*;
            $(#[instrument_endpoint] $function)*
        }
    };
}

plain_and_annotated! {
    pub(super) async fn parsed(text: &str) -> Result<u8, ParseIntError> {
        let number: u16 = text.parse()?;
        pause().await;
        if number == 0 {
            return Ok(1);
        }
        Ok(u8::try_from(number).unwrap_or(0))
    }

    pub(super) fn longest<'a>(left: &'a str, right: &'a str) -> &'a str {
        if left.len() > right.len() { left } else { right }
    }

    pub(super) async fn pushed(numbers: &mut Vec<u8>) -> Option<&mut u8> {
        let first = *numbers.first()?;
        pause().await;
        numbers.push(first);
        numbers.last_mut()
    }

    /// `gen` is a keyword from edition 2024 on.
    pub(super) fn gen(gen: u8) -> u8 {
        gen + 1
    }

    /// Before edition 2024 the temporaries of a tail expression outlive the locals.
    pub(super) fn tail(argument: Noisy) -> usize {
        let _local = Noisy("local");
        Noisy("temporary").name().len() + argument.name().len()
    }

    pub(super) async fn tail_later(argument: Noisy) -> usize {
        let _local = Noisy("local");
        pause().await;
        Noisy("temporary").name().len() + argument.name().len()
    }

    pub(super) fn if_let(argument: Noisy) -> usize {
        if let Some('c') = Noisy("condition").name().chars().next() {
            note("then");
        } else {
            note("else");
        }
        argument.name().len()
    }

    /// Before edition 2021 a closure captures the whole of a value of which it uses a part.
    pub(super) fn captures(pair: (Noisy, Noisy), last: Noisy) -> usize {
        let take = || pair.0;
        let first = take();
        note(last.name());
        first.name().len()
    }

    pub(super) async fn unused(_first: Noisy, (second, _third): (Noisy, Noisy), _last: Noisy) {
        pause().await;
        note(second.name());
    }

    pub(super) fn opaque(text: &str) -> impl Iterator<Item = char> {
        text.chars().rev().collect::<Vec<_>>().into_iter()
    }

    pub(super) fn boxed(text: &str) -> Pin<Box<dyn Future<Output = usize> + Send + '_>> {
        Box::pin(async move {
            pause().await;
            text.len()
        })
    }
}

#[tokio::test]
async fn functions_return_the_same_values() {
    for text in &["7", "700", "seven"] {
        assert_eq!(annotated::parsed(text).await, plain::parsed(text).await);
        assert_eq!(annotated::boxed(text).await, plain::boxed(text).await);
    }
    assert_eq!(annotated::longest("a", "bc"), plain::longest("a", "bc"));
    assert_eq!(annotated::gen(1), plain::gen(1));
    let mut numbers = vec![1];
    *annotated::pushed(&mut numbers).await.expect("the list is not empty") += 1;
    *plain::pushed(&mut numbers).await.expect("the list is not empty") += 2;
    assert_eq!(numbers, [1, 2, 3]);
}

/// Before edition 2024 an opaque return type captures only the lifetimes that it names.
#[test]
fn opaque_type_captures_no_unnamed_lifetime() {
    let text = "abc".to_owned();
    let (left, right) = (annotated::opaque(&text), plain::opaque(&text));
    drop(text);
    assert!(left.eq(right));
}

fn polled<F: Future>(polls: u8, call: impl FnOnce() -> F) -> Vec<&'static str> {
    logged(|| {
        let mut future = Box::pin(call());
        for _ in 0..polls {
            note("polled");
            let _ = future.as_mut().now_or_never();
        }
    })
}

#[test]
fn temporaries_live_as_long_as_in_the_plain_function() {
    assert_eq!(logged(|| annotated::tail(Noisy("a"))), logged(|| plain::tail(Noisy("a"))));
    assert_eq!(logged(|| annotated::if_let(Noisy("a"))), logged(|| plain::if_let(Noisy("a"))));
    for polls in 0..=2 {
        assert_eq!(
            polled(polls, || annotated::tail_later(Noisy("a"))),
            polled(polls, || plain::tail_later(Noisy("a"))),
        );
    }
}

#[test]
fn arguments_are_dropped_in_the_same_order() {
    let pair = || (Noisy("a"), Noisy("b"));
    assert_eq!(
        logged(|| annotated::captures(pair(), Noisy("c"))),
        logged(|| plain::captures(pair(), Noisy("c"))),
    );
    for polls in 0..=2 {
        assert_eq!(
            polled(polls, || annotated::unused(Noisy("c"), pair(), Noisy("d"))),
            polled(polls, || plain::unused(Noisy("c"), pair(), Noisy("d"))),
        );
    }
}

/// Declares a type whose methods use a part of `self`.
macro_rules! pair {
    ($name:ident $(, #[$attribute:meta])?) => {
        struct $name(Noisy, Noisy);

        impl $name {
            fn new() -> Self {
                Self(Noisy("first"), Noisy("second"))
            }

            $(#[$attribute])?
            fn moved_in_part(self, _other: Noisy) -> Noisy {
                self.1
            }

            $(#[$attribute])?
            async fn read_in_part(self, _other: Noisy) -> usize {
                pause().await;
                self.0.name().len()
            }
        }
    };
}

pair!(Plain);
pair!(Annotated, #[instrument_endpoint]);

#[test]
fn receiver_used_in_part_keeps_the_drop_order() {
    assert_eq!(
        logged(|| Annotated::new().moved_in_part(Noisy("other"))),
        logged(|| Plain::new().moved_in_part(Noisy("other"))),
    );
    for polls in 0..=2 {
        assert_eq!(
            polled(polls, || Annotated::new().read_in_part(Noisy("other"))),
            polled(polls, || Plain::new().read_in_part(Noisy("other"))),
        );
    }
}

#[derive(TokenUsage)]
struct Answer {
    #[token_usage(input)]
    input: u64,
    #[token_usage(output)]
    output: u64,
}

#[async_trait]
trait Model {
    async fn ask(&self, question: &str) -> Option<Answer>;
}

struct House;

#[async_trait]
impl Model for House {
    #[instrument_endpoint]
    #[track_tokens(provider = "house", model = question)]
    async fn ask(&self, question: &str) -> Option<Answer> {
        pause().await;
        let input = question.len() as u64;
        Some(Answer { input, output: 1 })
    }
}

/// The body borrows an argument, moves another one and leaves early.
#[track_tokens(protocol = "openai", operation = "chat", separate)]
async fn reply(text: &str, number: String) -> Result<Vec<u8>, ParseIntError> {
    pause().await;
    let number: u8 = number.parse()?;
    Ok(vec![text.as_bytes()[0], number])
}

#[streaming_metrics(protocol = "openai")]
fn sent(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("nothing".to_owned());
    }
    Ok(text.to_owned())
}

#[streaming_metrics]
fn words(text: &str) -> impl Stream<Item = String> + '_ {
    iter(text.split(' ').map(str::to_owned))
}

#[streaming_metrics(model = "small")]
async fn words_in_box(
    text: &str,
) -> Result<Pin<Box<dyn Stream<Item = String> + Send + '_>>, String> {
    pause().await;
    if text.is_empty() {
        return Err("nothing".to_owned());
    }
    Ok(iter(text.split(' ').map(str::to_owned)).boxed())
}

#[instrument_endpoint]
async fn served() -> u8 {
    pause().await;
    1
}

#[tokio::test]
async fn attributes_record_in_this_edition() {
    let sum = |name, endpoint| Scrape::of(Metrics::global()).sum(name, &[("endpoint", endpoint)]);
    drop(served());
    assert_eq!(served().await, 1);
    assert_eq!(sum("app_http_requests_total", "served"), 1);
    let model: &dyn Model = &House;
    let answer = model.ask("small").await.expect("the model replies");
    assert_eq!(answer.output, 1);
    assert_eq!(sum("app_http_requests_total", "ask"), 1);
    assert_eq!(sum("app_token_usage_total", "ask"), 6);
    assert_eq!(reply("a", "7".to_owned()).await, Ok(b"a\x07".to_vec()));
    assert!(reply("a", "seven".to_owned()).await.is_err());
    assert_eq!(sum("app_llm_calls_total", "reply"), 2);
    assert_eq!(sent("a"), Ok("a".to_owned()));
    assert!(sent("").is_err());
    assert_eq!(words("a b").count().await, 2);
    assert_eq!(sum("app_stream_chunks_total", "words"), 2);
    assert!(words_in_box("").await.is_err());
    assert_eq!(words_in_box("a b c").await.expect("the stream is returned").count().await, 3);
    assert_eq!(sum("app_stream_chunks_total", "words_in_box"), 3);
    assert_eq!(Usage::new(1, 2).total(), 3);
}
