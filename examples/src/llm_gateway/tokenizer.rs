//! The tokenizer of the demonstration model: the vocabulary `o200k_base`.

use std::{collections::HashSet, time::Instant};

use tiktoken_rs::{CoreBPE, Rank, o200k_base_singleton};
use tokio::{sync::OnceCell, task::spawn_blocking};

use crate::llm_gateway::request_error::RequestError;

/// The number of a token in the vocabulary.
pub(crate) type Token = Rank;

/// Loads the vocabulary, if it is not yet loaded.
///
/// Loading takes up to some seconds in a debug build. It runs in a blocking task, so that the
/// server can accept connections and answer other requests in that time. Each reply of the model
/// waits for this function; a program calls it at its start, so that the first reply waits less.
pub async fn load() {
    static LOADED: OnceCell<()> = OnceCell::const_new();

    let load = || async {
        let started = Instant::now();
        // The task fails only if the runtime shuts down or the vocabulary panics. The next use of
        // the vocabulary loads it then, or panics likewise.
        let _ = spawn_blocking(vocabulary).await;
        tracing::info!(seconds = started.elapsed().as_secs_f64(), "the vocabulary is loaded");
    };
    LOADED.get_or_init(load).await;
}

/// Splits `text` into tokens.
pub(crate) fn encode(text: &str) -> Result<Vec<Token>, RequestError> {
    // `encode_ordinary` panics on texts such as a million spaces.
    match vocabulary().encode(text, &HashSet::new()) {
        Ok((tokens, _)) => Ok(tokens),
        Err(_) => Err(RequestError::NotTokenizable),
    }
}

/// Returns the bytes of a token, which may begin or end within a character.
pub(crate) fn decode(token: Token) -> Vec<u8> {
    vocabulary().decode_bytes(&[token]).expect("tokens come from this vocabulary")
}

fn vocabulary() -> &'static CoreBPE {
    o200k_base_singleton()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_decode_to_the_text() {
        let text = "Grüße, 世界 🦀 <|endoftext|>";
        let bytes: Vec<u8> = encode(text).unwrap().into_iter().flat_map(decode).collect();
        assert_eq!(bytes, text.as_bytes());
    }

    #[test]
    fn text_that_cannot_be_tokenized_is_rejected() {
        let text = format!("{}x", " ".repeat(2_000_000));
        assert!(matches!(encode(&text), Err(RequestError::NotTokenizable)));
    }
}
