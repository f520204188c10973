//! A future that is not `Send` because of a value that the body holds.

use std::rc::Rc;

use streamgauge::instrument_endpoint;

#[instrument_endpoint]
async fn counted() -> String {
    let shared = Rc::new(1);
    tokio::task::yield_now().await;
    shared.to_string()
}

fn spawn<F: Future + Send>(_future: F) {}

fn main() {
    spawn(counted());
}
