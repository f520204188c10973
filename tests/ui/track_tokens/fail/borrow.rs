//! Errors of the borrow checker are reported as without the attribute.

use streamgauge::{Usage, track_tokens};

#[track_tokens]
fn of_a_local() -> &'static Usage {
    let usage = Usage::new(1, 2);
    &usage
}

#[track_tokens(model = model)]
async fn moved(model: String) -> Usage {
    drop(model);
    Usage::new(model.len() as u64, 2)
}

#[track_tokens]
fn not_mutable(counts: Vec<u64>) -> Usage {
    counts.push(1);
    Usage::new(counts[0], 2)
}

#[tokio::main]
async fn main() {
    of_a_local();
    moved(String::new()).await;
    not_mutable(vec![]);
}
