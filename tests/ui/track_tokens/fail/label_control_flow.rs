//! Label expressions are evaluated before the body and must not return or await.

use streamgauge::{Usage, track_tokens};

#[track_tokens(model = name.clone()?)]
fn question_mark(name: Option<String>) -> Option<Usage> {
    name.map(|_| Usage::new(1, 2))
}

#[track_tokens(model = std::future::ready("small-1").await)]
async fn waits() -> Usage {
    Usage::new(1, 2)
}

#[track_tokens(provider = return Usage::new(1, 2))]
fn returns() -> Usage {
    Usage::new(1, 2)
}

/// `return` and `?` in a closure are allowed.
#[track_tokens(model = names.first().and_then(|name| { return Some(name.as_deref()?) }))]
fn in_a_closure(names: &[Option<String>]) -> Usage {
    Usage::new(names.len() as u64, 2)
}

fn main() {
    question_mark(None);
    drop(waits());
    returns();
    in_a_closure(&[]);
}
