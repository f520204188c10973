//! The metrics file for node-exporter: always complete, and written again after an error has
//! passed.

#![cfg(unix)]

mod child_processes;
mod concurrent_readers;
mod leftovers;
mod probe;
mod tracing_events;
mod write_errors;
mod writer;
