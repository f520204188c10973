//! What the runnable examples are made of, so that tests can run it too.

pub mod llm_gateway;
// The first program of the README, to the letter: a test compares them.
#[expect(missing_docs, clippy::missing_errors_doc, reason = "the README speaks around it")]
pub mod tour;
