//! What the library does, seen through its public interface.

#![expect(
    clippy::items_after_statements,
    clippy::unused_async,
    reason = "handlers are async, and stand beside what they are for"
)]

mod bad_replies;
mod build_info;
mod by_hand;
mod elsewhere;
mod events;
mod exceptions;
mod exposition;
mod formats;
mod forwarded;
#[cfg(feature = "gzip")]
mod gzip;
mod handles;
mod instances;
mod labels;
mod left_out;
mod limits;
mod pairs;
mod panics;
mod pieces;
mod places;
mod polls;
mod prices;
#[cfg(feature = "process")]
mod process;
mod protocol_bodies;
mod protocol_calls;
mod protocol_forms;
mod protocol_splits;
mod protocols;
#[cfg(feature = "push")]
mod push;
mod registries;
mod replies;
mod reply_forms;
mod requests;
mod routes;
mod samples;
mod settings;
mod stacking;
mod stream_sources;
mod streams;
mod tokens;
mod twice;
mod unchanged;
mod uploads;
mod variants;
