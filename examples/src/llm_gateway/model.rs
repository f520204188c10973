//! The embedded demonstration model: it recites, and says so.

use std::num::NonZeroUsize;

use crate::llm_gateway::{
    generation::Generation, pace::Pace, prompt::Prompt, refusal::Refusal, tokenizer,
};

/// The models on offer.
pub(crate) static MODELS: [Model; 2] =
    [Model { id: "demo-1", remarks: 4 }, Model { id: "demo-1-mini", remarks: 1 }];

/// What the models have to say, in an order that the prompt decides.
const REMARKS: [&str; 7] = [
    "Every sentence I know was written before you asked.",
    "The same prompt always gets the same answer.",
    "My tokens are counted one by one, as a real model's are.",
    "A real model would have had an opinion here.",
    "Ask something else and I will say these things in another order.",
    "Leave half way, and only what was generated until then is counted.",
    "No thought went into this.",
];

/// How much of the question an answer repeats, in characters.
const ECHO_LENGTH: usize = 60;

/// One of the models.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) id: &'static str,
    /// How many remarks it makes.
    remarks: usize,
}

impl Model {
    /// The model called `id`.
    pub(crate) fn find(id: &str) -> Result<&'static Self, Refusal> {
        MODELS
            .iter()
            .find(|model| model.id == id)
            .ok_or_else(|| Refusal::UnknownModel(id.to_owned()))
    }

    /// Begins the answer to `prompt`, which always is the same, of at most `max_tokens`.
    pub(crate) fn generate(
        &self,
        prompt: &Prompt,
        max_tokens: Option<NonZeroUsize>,
        pace: Pace,
    ) -> Result<Generation, Refusal> {
        let mut prompt_tokens = 0;
        for text in &prompt.texts {
            prompt_tokens += tokenizer::encode(text)?.len() as u64;
        }
        let (answer, tool) = match &prompt.tool {
            Some(tool) => (tool.arguments(&prompt.question), Some(tool.name.clone())),
            None => (self.answer(prompt), None),
        };
        let answer = tokenizer::encode(&answer)?;
        Ok(Generation::new(prompt_tokens, answer, tool, max_tokens, pace))
    }

    fn answer(&self, prompt: &Prompt) -> String {
        let mut echo: String = prompt.question.chars().take(ECHO_LENGTH).collect();
        if echo.len() < prompt.question.len() {
            echo.push('…');
        }
        let first = prompt
            .texts
            .iter()
            .flat_map(|text| text.bytes())
            .fold(0, |seed, byte| (seed * 31 + usize::from(byte)) % REMARKS.len());
        let remarks: Vec<&str> =
            REMARKS.into_iter().cycle().skip(first).take(self.remarks).collect();
        format!(
            "This is the demonstration model {}. You wrote: \"{echo}\". {}",
            self.id,
            remarks.join(" ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answer(question: &str) -> String {
        let prompt = Prompt::from(question.to_owned());
        let mut generation = MODELS[0].generate(&prompt, None, Pace::NONE).unwrap();
        generation.rest().await
    }

    #[tokio::test]
    async fn the_same_prompt_gets_the_same_answer() {
        let hello = answer("Hello").await;
        assert!(hello.starts_with("This is the demonstration model demo-1. You wrote: \"Hello\"."));
        assert_eq!(hello, answer("Hello").await);
        assert_ne!(hello, answer("Goodbye").await);
    }

    #[tokio::test]
    async fn a_long_question_is_repeated_in_part() {
        let answer = answer(&"é".repeat(100)).await;
        assert!(answer.contains(&format!("\"{}…\"", "é".repeat(ECHO_LENGTH))));
    }

    #[test]
    fn every_text_of_the_prompt_counts() {
        let prompt = Prompt {
            texts: vec!["Be brief.".to_owned(), "Hello there".to_owned()],
            question: "Hello there".to_owned(),
            tool: None,
        };
        let generation = MODELS[0].generate(&prompt, None, Pace::NONE).unwrap();
        assert_eq!(generation.usage().prompt_tokens, 3 + 2);
    }

    #[test]
    fn an_unknown_model_is_refused() {
        assert!(matches!(Model::find("gpt-4o"), Err(Refusal::UnknownModel(id)) if id == "gpt-4o"));
    }
}
