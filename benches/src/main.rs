//! Runs the benchmarks and prints their results: see `--help`, or the documentation of the library
//! `streamgauge_benches`.

use clap::Parser;
use streamgauge_benches::{Options, run};

fn main() -> std::io::Result<()> {
    run(&Options::parse())
}
