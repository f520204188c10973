//! The gateway as a proxy, over real sockets: in front of an upstream that says what a test lets it, byte
//! by byte, and in front of another gateway.

mod client;
mod counts;
mod failures;
mod gateways;
mod leaves;
mod memory;
mod passes;
mod peer;
mod samples;
mod secrets;
