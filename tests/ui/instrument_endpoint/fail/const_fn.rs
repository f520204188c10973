//! A `const fn` cannot be annotated, because it may run at compile time.

use streamgauge::instrument_endpoint;

#[instrument_endpoint]
const fn limit() -> u32 {
    7
}

struct Limits;

impl Limits {
    #[instrument_endpoint]
    pub const fn upper(&self) -> u32 {
        7
    }
}

const LIMIT: u32 = limit() + Limits.upper();

fn main() {
    println!("{LIMIT}");
}
