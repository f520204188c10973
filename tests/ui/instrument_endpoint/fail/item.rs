//! Items that are not functions.

use streamgauge::instrument_endpoint;

#[instrument_endpoint]
struct Item {
    id: u32,
}

#[instrument_endpoint]
impl Item {
    fn id(&self) -> u32 {
        self.id
    }
}

#[instrument_endpoint]
mod handlers {
    pub fn handler() {}
}

#[instrument_endpoint]
const LIMIT: u32 = 1;

#[instrument_endpoint(endpont = "/items")]
pub enum Wrong {
    Too,
}

#[instrument_endpoint]
trait Named {
    fn name(&self) -> String {
        "name".to_owned()
    }
}

#[instrument_endpoint]
impl Named for u8 {}

#[instrument_endpoint]
static NAMES: [&str; 1] = ["name"];

#[instrument_endpoint]
type Name = String;

#[instrument_endpoint]
use std::collections::BTreeMap as Map;

#[instrument_endpoint]
macro_rules! named {
    () => {
        "name"
    };
}

#[instrument_endpoint]
thread_local! {
    static SEEN: std::cell::Cell<u8> = const { std::cell::Cell::new(1) };
}

unsafe extern "C" {
    #[instrument_endpoint]
    safe fn abs(number: i32) -> i32;
}

fn main() {
    let name: Name = 1.name();
    let names: Map<_, _> = NAMES.into_iter().map(|known| (known, named!())).collect();
    println!("{name} {names:?} {} {}", SEEN.get(), abs(-1));
    handlers::handler();
    println!("{} {LIMIT} {}", Item { id: 1 }.id(), Wrong::Too as u8);
}
