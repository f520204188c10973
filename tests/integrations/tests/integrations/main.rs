//! Tests with crates that take long to build: client crates, OpenTelemetry and utoipa.

mod client_crates;
mod exemplars;
mod gateway;
mod openapi;
mod reqwest_replies;
