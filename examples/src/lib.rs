//! The code of the runnable examples, as a library so that tests can run it too.
//!
//! - [`gateway_fallback`]: a gateway with retries and fallback. Start it with
//!   `cargo run --bin gateway_fallback -- --provider first=https://api.example.com/v1`.
//! - [`llm_gateway`]: a gateway for language models. Start it with `cargo run --bin llm_gateway`.
//! - [`shutdown`]: how both programs end on a signal.
//! - [`tour`]: a service with a model call, a stream of events and a metrics page.

pub mod gateway_fallback;
pub mod llm_gateway;
pub mod shutdown;
pub mod tour;
