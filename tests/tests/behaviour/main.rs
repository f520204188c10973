//! What the library does, seen through its public interface.

#![expect(
    clippy::items_after_statements,
    clippy::unused_async,
    reason = "handlers are async, and stand beside what they are for"
)]

mod bad_replies;
mod build_info;
mod by_hand;
mod client;
mod client_crates;
mod elsewhere;
mod events;
mod exceptions;
mod exemplars;
mod exposition;
mod formats;
mod forwarded;
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
mod process;
mod protocol_bodies;
mod protocol_calls;
mod protocol_forms;
mod protocol_splits;
mod protocols;
mod push;
mod readme;
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
