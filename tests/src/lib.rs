//! The fault server: an axum application with one route for each outcome of a request.

pub mod fault_server;

/// Compiles every snippet of the README.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
