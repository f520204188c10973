//! A server for the tests whose routes end in every way in which a request can end.

pub mod fault_server;

/// Every snippet of the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
