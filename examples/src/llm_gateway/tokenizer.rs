//! The model's vocabulary.

use std::collections::HashSet;

use tiktoken_rs::{CoreBPE, Rank, o200k_base_singleton};

use crate::llm_gateway::refusal::Refusal;

/// One entry of the vocabulary.
pub(crate) type Token = Rank;

/// Loads the vocabulary, which takes long enough for the first request to notice.
pub fn load() {
    vocabulary();
}

/// The tokens that `text` is made of.
pub(crate) fn encode(text: &str) -> Result<Vec<Token>, Refusal> {
    // `encode_ordinary` would do, but it panics on texts such as a million spaces.
    match vocabulary().encode(text, &HashSet::new()) {
        Ok((tokens, _)) => Ok(tokens),
        Err(_) => Err(Refusal::Unreadable),
    }
}

/// The bytes of a token, which need not be whole characters.
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
    fn a_text_too_hard_to_read_is_refused() {
        let hard = format!("{}x", " ".repeat(2_000_000));
        assert!(matches!(encode(&hard), Err(Refusal::Unreadable)));
    }
}
