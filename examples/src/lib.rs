//! The code of the runnable examples, as a library so that tests can run it too.
//!
//! - [`gateway_fallback`]: a gateway with retries and fallback. Start it with
//!   `cargo run --bin gateway_fallback -- --provider first=https://api.example.com/v1`.
//! - [`llm_gateway`]: a gateway for language models. Start it with `cargo run --bin llm_gateway`.
//! - [`shutdown`]: how both programs end on a signal.
//! - [`tour`]: the first program of the README.

pub mod gateway_fallback;
pub mod llm_gateway;
pub mod shutdown;
/// The first program of the README: a handler with token usage, a streamed response and a metrics
/// page.
// A test compares the file with the README, so the file has no comments of its own.
#[expect(missing_docs, clippy::missing_errors_doc, reason = "the README explains the program")]
pub mod tour;
