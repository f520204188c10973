//! An answer while it is being generated.

use std::{
    num::NonZeroUsize,
    sync::atomic::{AtomicU64, Ordering},
    vec,
};

use crate::llm_gateway::{
    pace::Pace,
    tokenizer::{self, Token},
    usage::Usage,
};

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finish {
    /// The model had said everything.
    Stop,
    /// The client allowed no more tokens.
    Length,
    /// The client has a tool to run.
    ToolCall,
}

/// An answer on its way.
#[derive(Debug)]
pub(crate) struct Generation {
    serial: u64,
    usage: Usage,
    tokens: vec::IntoIter<Token>,
    tool: Option<String>,
    finish: Finish,
    pace: Pace,
}

impl Generation {
    /// An answer of these tokens: text, or the arguments of a call of `tool`.
    pub(crate) fn new(
        prompt_tokens: u64,
        mut tokens: Vec<Token>,
        tool: Option<String>,
        max_tokens: Option<NonZeroUsize>,
        pace: Pace,
    ) -> Self {
        static SERIAL: AtomicU64 = AtomicU64::new(1);

        let limit = max_tokens.map_or(usize::MAX, NonZeroUsize::get);
        let finish = match &tool {
            _ if tokens.len() > limit => Finish::Length,
            Some(_) => Finish::ToolCall,
            None => Finish::Stop,
        };
        tokens.truncate(limit);
        Self {
            serial: SERIAL.fetch_add(1, Ordering::Relaxed),
            usage: Usage { prompt_tokens, completion_tokens: 0 },
            tokens: tokens.into_iter(),
            tool,
            finish,
            pace,
        }
    }

    /// The next piece of text: one token, or as many as a character needs to be whole.
    ///
    /// A character that `max_tokens` cuts through is left out.
    pub(crate) async fn next(&mut self) -> Option<String> {
        let mut bytes = Vec::new();
        for token in self.tokens.by_ref() {
            self.pace.wait().await;
            self.usage.completion_tokens += 1;
            bytes.extend(tokenizer::decode(token));
            match String::from_utf8(bytes) {
                Ok(text) => return Some(text),
                Err(partial) => bytes = partial.into_bytes(),
            }
        }
        None
    }

    /// All the text that is still to come.
    pub(crate) async fn rest(&mut self) -> String {
        let mut text = String::new();
        while let Some(piece) = self.next().await {
            text += &piece;
        }
        text
    }

    /// A number that no other answer of this process has.
    pub(crate) fn serial(&self) -> u64 {
        self.serial
    }

    /// The usage so far.
    pub(crate) fn usage(&self) -> Usage {
        self.usage
    }

    /// The tool that is called, if the answer is no text.
    pub(crate) fn tool(&self) -> Option<&str> {
        self.tool.as_deref()
    }

    /// Why the answer ends where it does.
    pub(crate) fn finish(&self) -> Finish {
        self.finish
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Look: 𓂀𓂀𓂀, and on it goes.";

    fn generation(max_tokens: usize) -> Generation {
        let tokens = tokenizer::encode(TEXT).unwrap();
        Generation::new(2, tokens, None, NonZeroUsize::new(max_tokens), Pace::NONE)
    }

    #[tokio::test]
    async fn usage_counts_the_tokens_generated_so_far() {
        let mut generation = generation(0);
        let usage = |completion_tokens| Usage { prompt_tokens: 2, completion_tokens };
        assert_eq!(generation.usage(), usage(0));
        generation.next().await;
        generation.next().await;
        assert_eq!(generation.usage(), usage(2));
    }

    #[tokio::test]
    async fn characters_of_several_tokens_stay_whole() {
        let mut generation = generation(0);
        let (mut text, mut pieces) = (String::new(), 0);
        while let Some(piece) = generation.next().await {
            text += &piece;
            pieces += 1;
        }
        assert_eq!(text, TEXT);
        assert!(generation.usage().completion_tokens > pieces);
    }

    #[tokio::test]
    async fn max_tokens_ends_the_text_between_characters() {
        let all = tokenizer::encode(TEXT).unwrap().len();
        for max_tokens in 1..=all {
            let mut generation = generation(max_tokens);
            assert!(TEXT.starts_with(&generation.rest().await));
            assert_eq!(generation.usage().completion_tokens, max_tokens as u64);
            let finish = if max_tokens < all { Finish::Length } else { Finish::Stop };
            assert_eq!(generation.finish(), finish);
        }
    }
}
