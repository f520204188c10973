//! The gateway example as a proxy, over real sockets: in front of an upstream that each test
//! scripts byte by byte, and in front of another gateway. The example `gateway_fallback` likewise.

mod client;
mod client_disconnects;
mod fallbacks;
mod forwarding;
mod gateway_fallback;
mod memory;
mod recorded_calls;
mod samples;
mod scripted_upstream;
mod two_gateways;
mod upstream_failures;
mod upstream_key;
