//! Token counts by modality, as Gemini lists them.

use super::counts::{RawCount, RawCounts};

/// A list of token counts by modality.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenList {
    Prompt,
    ToolUsePrompt,
    /// The part of the prompt that was read from a cache.
    Cached,
    Output,
}

impl TokenList {
    /// The counts of audio and of images.
    pub(super) const fn counts(self) -> [RawCount; 2] {
        match self {
            Self::Prompt => [RawCount::GeminiPromptAudio, RawCount::GeminiPromptImage],
            Self::ToolUsePrompt => [RawCount::GeminiToolUseAudio, RawCount::GeminiToolUseImage],
            Self::Cached => [RawCount::GeminiCachedAudio, RawCount::GeminiCachedImage],
            Self::Output => [RawCount::GeminiOutputAudio, RawCount::GeminiOutputImage],
        }
    }

    /// Returns the count of a modality, by its name or its number in the API. Text, video and
    /// documents have none.
    fn count(self, modality: &[u8]) -> Option<RawCount> {
        let [audio, image] = self.counts();
        let is =
            |name: &[u8], number: &[u8]| modality.eq_ignore_ascii_case(name) || modality == number;
        if is(b"AUDIO", b"4") {
            Some(audio)
        } else if is(b"IMAGE", b"2") {
            Some(image)
        } else {
            None
        }
    }
}

/// An element of a list. Its members may come in any order, so it counts at its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct TokenListItem {
    list: TokenList,
    count: Option<RawCount>,
    tokens: Option<u64>,
}

impl TokenListItem {
    pub(super) const fn new(list: TokenList) -> Self {
        Self { list, count: None, tokens: None }
    }

    pub(super) fn note_modality(&mut self, modality: &[u8]) {
        self.count = self.list.count(modality);
    }

    pub(super) const fn note_tokens(&mut self, tokens: Option<u64>) {
        self.tokens = tokens;
    }

    /// Adds the tokens to those of the elements before.
    pub(super) fn add_to(&self, counts: &mut RawCounts) {
        if let (Some(count), Some(tokens)) = (self.count, self.tokens) {
            let before = counts.get(count).unwrap_or_default();
            counts.insert_max(count, before.saturating_add(tokens));
        }
    }
}
