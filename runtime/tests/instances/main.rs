//! What the instances of one process know of each other: which of them has the series of a function
//! at zero, and warnings about records that nothing reads.
//!
//! Each scenario runs in a process of its own: this test binary starts itself.

#![expect(clippy::unused_async, reason = "handlers are async")]

mod processes;
mod warnings;
mod zero_series;
