//! What the instances of one process know of each other: which of them has the series of a function
//! at zero, warnings about records that nothing reads, and that nothing is recorded elsewhere in
//! place of a disabled instance.
//!
//! Each scenario runs in a process of its own: this test binary starts itself.

#![expect(clippy::unused_async, reason = "handlers are async")]

mod disabled;
mod disabled_streams;
mod processes;
mod warnings;
mod zero_series;
