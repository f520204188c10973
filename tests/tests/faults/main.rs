//! Requests with every outcome, sent over real sockets.
//!
//! After each test no request is active, every request is counted once, and every label has an
//! allowed value.

mod bad_input;
mod client_disconnects;
mod completed_requests;
mod concurrent_clients;
mod http2;
mod keep_alive;
mod large_bodies;
mod server;
#[cfg(unix)]
mod server_process;
mod slow_clients;
mod unchanged_responses;
mod uploads;
mod websockets;
