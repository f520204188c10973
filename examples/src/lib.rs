//! What the runnable examples are made of, so that tests can run it too.

pub mod llm_gateway;
