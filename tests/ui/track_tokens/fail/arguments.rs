//! Invalid arguments.

use streamgauge::{Usage, track_tokens};

#[track_tokens(modle = "small-1")]
async fn misspelled() -> Usage {
    Usage::new(1, 2)
}

#[track_tokens(method = "POST")]
fn of_another_attribute() -> Usage {
    Usage::new(1, 2)
}

#[track_tokens(model)]
fn no_value() -> Usage {
    Usage::new(1, 2)
}

#[track_tokens("small-1")]
fn no_name() -> Usage {
    Usage::new(1, 2)
}

#[track_tokens(model = "small-1" provider = "house")]
fn no_comma() -> Usage {
    Usage::new(1, 2)
}

#[track_tokens(provider = "a", provider = "b")]
fn twice() -> Usage {
    Usage::new(1, 2)
}

#[track_tokens(endpoint = "a/k", model = , vendor = "a", endpoint = 7)]
fn several() -> Usage {
    Usage::new(1, 2)
}

#[track_tokens(Model = "small-1", providers = "house", name = "a")]
fn by_another_name() -> Usage {
    Usage::new(1, 2)
}

fn main() {
    by_another_name();
    drop(misspelled());
    of_another_attribute();
    no_value();
    no_name();
    no_comma();
    twice();
    several();
}
