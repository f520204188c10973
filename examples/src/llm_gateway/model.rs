//! The embedded demonstration model, whose replies are prepared sentences.

use std::num::NonZeroUsize;

use crate::llm_gateway::{
    generation::Generation, pace::Pace, prompt::Prompt, request_error::RequestError, tokenizer,
};

/// The available models.
pub(crate) static MODELS: [Model; 2] =
    [Model { id: "demo-1", sentences: 4 }, Model { id: "demo-1-mini", sentences: 1 }];

/// The sentences of the replies. A hash of the prompt selects the first one.
const SENTENCES: [&str; 7] = [
    "Every sentence I know was written before you asked.",
    "The same prompt always gets the same answer.",
    "My tokens are counted one by one, as a real model's are.",
    "A real model would have had an opinion here.",
    "Ask something else and I will say these things in another order.",
    "Leave half way, and only what was generated until then is counted.",
    "No thought went into this.",
];

/// How many characters of the question a reply repeats.
const ECHO_LENGTH: usize = 60;

/// A demonstration model.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) id: &'static str,
    /// Number of sentences in a reply.
    sentences: usize,
}

impl Model {
    /// Returns the model with the identifier `id`.
    pub(crate) fn find(id: &str) -> Result<&'static Self, RequestError> {
        MODELS.iter().find(|model| model.id == id).ok_or_else(|| RequestError::UnknownModel {
            id: id.to_owned(),
            known: MODELS.each_ref().map(|model| format!("`{}`", model.id)).join(", "),
        })
    }

    /// Starts the reply to `prompt`, of at most `max_tokens` tokens.
    ///
    /// Equal prompts get equal replies. The first reply waits until the vocabulary is loaded.
    pub(crate) async fn generate(
        &self,
        prompt: &Prompt,
        max_tokens: Option<NonZeroUsize>,
        pace: Pace,
    ) -> Result<Generation, RequestError> {
        tokenizer::load().await;
        let mut prompt_tokens = 0;
        for text in &prompt.texts {
            prompt_tokens += tokenizer::encode(text)?.len() as u64;
        }
        let (text, tool) = match &prompt.tool {
            Some(tool) => (tool.arguments(&prompt.question), Some(tool.name.clone())),
            None => (self.reply_text(prompt), None),
        };
        let tokens = tokenizer::encode(&text)?;
        Ok(Generation::new(prompt_tokens, tokens, tool, max_tokens, pace))
    }

    fn reply_text(&self, prompt: &Prompt) -> String {
        let mut echo: String = prompt.question.chars().take(ECHO_LENGTH).collect();
        if echo.len() < prompt.question.len() {
            echo.push('…');
        }
        let first = prompt
            .texts
            .iter()
            .flat_map(|text| text.bytes())
            .fold(0, |seed, byte| (seed * 31 + usize::from(byte)) % SENTENCES.len());
        let sentences: Vec<&str> =
            SENTENCES.into_iter().cycle().skip(first).take(self.sentences).collect();
        format!(
            "This is the demonstration model {}. You wrote: \"{echo}\". {}",
            self.id,
            sentences.join(" ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn reply_to(question: &str) -> String {
        let prompt = Prompt::from(question.to_owned());
        let mut generation = MODELS[0].generate(&prompt, None, Pace::NONE).await.unwrap();
        generation.remaining_text().await
    }

    #[tokio::test]
    async fn reply_is_the_same_for_the_same_prompt() {
        let hello = reply_to("Hello").await;
        assert!(hello.starts_with("This is the demonstration model demo-1. You wrote: \"Hello\"."));
        assert_eq!(hello, reply_to("Hello").await);
        assert_ne!(hello, reply_to("Goodbye").await);
    }

    #[tokio::test]
    async fn question_is_shortened_in_the_reply_if_it_is_long() {
        let reply = reply_to(&"é".repeat(100)).await;
        assert!(reply.contains(&format!("\"{}…\"", "é".repeat(ECHO_LENGTH))));
    }

    #[tokio::test]
    async fn prompt_tokens_include_every_text_of_the_prompt() {
        let prompt = Prompt {
            texts: vec!["Be brief.".to_owned(), "Hello there".to_owned()],
            question: "Hello there".to_owned(),
            tool: None,
        };
        let generation = MODELS[0].generate(&prompt, None, Pace::NONE).await.unwrap();
        assert_eq!(generation.usage().prompt_tokens, 3 + 2);
    }

    #[test]
    fn unknown_model_is_rejected_with_a_list_of_the_models() {
        let error = Model::find("gpt-4o").expect_err("there is no such model");
        assert_eq!(
            error.to_string(),
            "the model `gpt-4o` does not exist; the models are `demo-1`, `demo-1-mini`"
        );
    }
}
