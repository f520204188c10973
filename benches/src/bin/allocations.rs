//! Counts the allocations of the contenders with a counting allocator.
//!
//! The program `streamgauge-benches`, which measures times, runs this program and reads the counts
//! as JSON from its standard output. The arguments are names of topics.

use allocation_counter::measure;
use streamgauge_benches::{AllocationCounts, count_allocations};

fn main() -> std::io::Result<()> {
    let topics: Vec<String> = std::env::args().skip(1).collect();
    count_allocations(&topics, |run| {
        let counted = measure(run);
        AllocationCounts {
            allocations: counted.count_total,
            bytes: counted.bytes_total,
            peak: counted.bytes_max,
            live: counted.bytes_current,
        }
    })
}
