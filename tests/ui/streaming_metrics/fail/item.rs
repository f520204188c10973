//! Items that are not functions, and functions without a body.

use futures_core::Stream;
use streamgauge::streaming_metrics;

#[streaming_metrics]
struct Chunk;

trait Source {
    #[streaming_metrics]
    fn chunks(&self) -> impl Stream<Item = String>;
}

#[streaming_metrics]
const fn limit() -> u32 {
    1
}

impl Source for Chunk {
    fn chunks(&self) -> impl Stream<Item = String> {
        futures_util::stream::empty()
    }
}

#[streaming_metrics]
trait Named {
    fn name(&self) -> String {
        "name".to_owned()
    }
}

#[streaming_metrics]
impl Named for u8 {}

#[streaming_metrics]
static NAMES: [&str; 1] = ["name"];

#[streaming_metrics]
type Name = String;

#[streaming_metrics]
use std::collections::BTreeMap as Map;

#[streaming_metrics]
macro_rules! named {
    () => {
        "name"
    };
}

#[streaming_metrics]
thread_local! {
    static SEEN: std::cell::Cell<u8> = const { std::cell::Cell::new(1) };
}

unsafe extern "C" {
    #[streaming_metrics]
    safe fn abs(number: i32) -> i32;
}

fn main() {
    let name: Name = 1.name();
    let names: Map<_, _> = NAMES.into_iter().map(|known| (known, named!())).collect();
    println!("{name} {names:?} {} {}", SEEN.get(), abs(-1));
    drop(Chunk.chunks());
    limit();
}
