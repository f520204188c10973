//! Items that are not functions, and functions without a body.

use streamgauge::{Usage, track_tokens};

#[track_tokens]
struct Client;

trait Model {
    #[track_tokens]
    fn ask(&self) -> Usage;
}

#[track_tokens]
const fn none() -> Usage {
    Usage::new(0, 0)
}

impl Model for Client {
    fn ask(&self) -> Usage {
        none()
    }
}

#[track_tokens]
trait Named {
    fn name(&self) -> String {
        "name".to_owned()
    }
}

#[track_tokens]
impl Named for u8 {}

#[track_tokens]
static NAMES: [&str; 1] = ["name"];

#[track_tokens]
type Name = String;

#[track_tokens]
use std::collections::BTreeMap as Map;

#[track_tokens]
macro_rules! named {
    () => {
        "name"
    };
}

#[track_tokens]
thread_local! {
    static SEEN: std::cell::Cell<u8> = const { std::cell::Cell::new(1) };
}

unsafe extern "C" {
    #[track_tokens]
    safe fn abs(number: i32) -> i32;
}

fn main() {
    let name: Name = 1.name();
    let names: Map<_, _> = NAMES.into_iter().map(|known| (known, named!())).collect();
    println!("{name} {names:?} {} {}", SEEN.get(), abs(-1));
    Client.ask();
}
