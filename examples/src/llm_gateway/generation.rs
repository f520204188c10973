//! A reply of the demonstration model while it is being generated.

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

/// Why a reply ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FinishReason {
    /// The reply is complete.
    Stop,
    /// The client's `max_tokens` cut the reply off.
    Length,
    /// The reply is a call of a tool that the client has to run.
    ToolCall,
}

/// A reply that is generated token by token.
#[derive(Debug)]
pub(crate) struct Generation {
    serial: u64,
    usage: Usage,
    tokens: vec::IntoIter<Token>,
    tool: Option<String>,
    finish_reason: FinishReason,
    pace: Pace,
}

impl Generation {
    /// Creates a reply of at most `max_tokens` tokens.
    ///
    /// `tokens` are the reply's text, or the arguments of a call if there is a `tool`.
    pub(crate) fn new(
        prompt_tokens: u64,
        mut tokens: Vec<Token>,
        tool: Option<String>,
        max_tokens: Option<NonZeroUsize>,
        pace: Pace,
    ) -> Self {
        static SERIAL: AtomicU64 = AtomicU64::new(1);

        let limit = max_tokens.map_or(usize::MAX, NonZeroUsize::get);
        let finish_reason = match &tool {
            _ if tokens.len() > limit => FinishReason::Length,
            Some(_) => FinishReason::ToolCall,
            None => FinishReason::Stop,
        };
        tokens.truncate(limit);
        Self {
            serial: SERIAL.fetch_add(1, Ordering::Relaxed),
            usage: Usage { prompt_tokens, completion_tokens: 0 },
            tokens: tokens.into_iter(),
            tool,
            finish_reason,
            pace,
        }
    }

    /// Generates the next piece of text: the text of one token, or of several if a character spans
    /// them.
    ///
    /// Omits a last character that `max_tokens` cuts in two.
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

    /// Generates the remaining text.
    pub(crate) async fn remaining_text(&mut self) -> String {
        let mut text = String::new();
        while let Some(piece) = self.next().await {
            text += &piece;
        }
        text
    }

    /// Returns a number that is unique among the replies of this process.
    pub(crate) fn serial(&self) -> u64 {
        self.serial
    }

    /// Returns the tokens of the prompt and of the text generated so far.
    pub(crate) fn usage(&self) -> Usage {
        self.usage
    }

    /// Returns the name of the tool that the reply calls, or `None` if the reply is text.
    pub(crate) fn tool(&self) -> Option<&str> {
        self.tool.as_deref()
    }

    /// Returns the reason for which the reply ends.
    pub(crate) fn finish_reason(&self) -> FinishReason {
        self.finish_reason
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
    async fn characters_of_several_tokens_are_not_split() {
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
    async fn max_tokens_cuts_the_text_between_characters() {
        let all = tokenizer::encode(TEXT).unwrap().len();
        for max_tokens in 1..=all {
            let mut generation = generation(max_tokens);
            assert!(TEXT.starts_with(&generation.remaining_text().await));
            assert_eq!(generation.usage().completion_tokens, max_tokens as u64);
            let expected = if max_tokens < all { FinishReason::Length } else { FinishReason::Stop };
            assert_eq!(generation.finish_reason(), expected);
        }
    }
}
