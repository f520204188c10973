//! The file that node-exporter reads: whole whatever happens, and written again when it has passed.

#![cfg(unix)]

mod alone;
mod events;
mod faults;
mod leftovers;
mod probe;
mod racing;
mod writer;
