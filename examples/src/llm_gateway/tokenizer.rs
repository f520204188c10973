//! The tokenizer of the demonstration model: the vocabulary `o200k_base`.

use std::collections::HashSet;

use tiktoken_rs::{CoreBPE, Rank, o200k_base_singleton};

use crate::llm_gateway::request_error::RequestError;

/// The number of a token in the vocabulary.
pub(crate) type Token = Rank;

/// Loads the vocabulary.
///
/// Loading takes a noticeable time, so call this before the first request.
pub fn load() {
    vocabulary();
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
