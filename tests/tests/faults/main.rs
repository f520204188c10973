//! Every way in which a request can end, over real sockets: after each, nothing is open, every request is
//! counted once, and no label has a value that it may not have.

mod bad_input;
mod crowd;
mod http2;
mod kinds;
mod leaves;
mod one_connection;
#[cfg(unix)]
mod process;
mod server;
mod slow;
mod unchanged;
mod uploads;
