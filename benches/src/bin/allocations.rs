//! Counts the allocations of contenders. The program that takes times runs this one.

use allocation_counter::measure;
use streamgauge_benches::{Counted, count};

fn main() -> std::io::Result<()> {
    let topics: Vec<String> = std::env::args().skip(1).collect();
    count(&topics, |run| {
        let counted = measure(run);
        Counted {
            allocations: counted.count_total,
            bytes: counted.bytes_total,
            peak: counted.bytes_max,
            live: counted.bytes_current,
        }
    })
}
