//! What the library does, seen through its public interface.

#![expect(
    clippy::items_after_statements,
    clippy::unused_async,
    reason = "handlers are async, and stand beside what they are for"
)]

mod client;
mod exceptions;
mod exposition;
mod instances;
mod limits;
mod readme;
mod requests;
mod settings;
mod stacking;
mod streams;
mod tokens;
