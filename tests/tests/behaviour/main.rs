//! What the library does, seen through its public interface.

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
