//! Tests with crates that take long to build: client crates, OpenTelemetry and utoipa.

#![expect(clippy::unused_async, reason = "handlers are async")]

mod client_crates;
mod exemplars;
mod gateway;
mod openapi;
