//! Tests with crates that take long to build: client crates, OpenTelemetry, utoipa, and parsers of
//! rules and queries.

mod client_crates;
mod exemplars;
mod gateway;
mod monitoring;
mod openapi;
mod reqwest_replies;
