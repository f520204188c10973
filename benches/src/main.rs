//! Measures and prints: see the library's documentation, or `--help`.

use clap::Parser;
use streamgauge_benches::{Options, run};

fn main() -> std::io::Result<()> {
    run(&Options::parse())
}
