//! Benchmarks that compare streamgauge with other metrics crates, and with the lower bound of plain
//! atomic additions.
//!
//! ```sh
//! cargo run --release -p streamgauge-benches                   # all topics except `build`
//! cargo run --release -p streamgauge-benches -- router chunk   # the topics `router` and `chunk`
//! cargo run --release -p streamgauge-benches -- --quick        # checks that everything runs
//! cargo run --release -p streamgauge-benches -- --json FILE    # also writes the figures as JSON
//! cargo run --release -p streamgauge-benches -- --help         # lists the topics
//! ```
//!
//! Each topic prints one or more tables, with one row per contender. What to look at are
//! differences and ratios within one run, because absolute times depend on the machine and on its
//! load. For the same reason the contenders take turns of a few milliseconds instead of running one
//! after the other. The numbers of allocations are reproducible; a second program counts them.
//!
//! Where to find the parts: one module per topic; `measure` takes the samples; `topic` turns
//! samples into tables; `table` prints them.
//!
//! # Profiles
//!
//! The number of instructions is nearly reproducible, too. `--profile` prepares one contender,
//! warms it up and calls it `--iterations` times within the function `profiled`. Callgrind counts
//! the instructions of that function:
//!
//! ```sh
//! cargo build --release -p streamgauge-benches
//! bench=target/release/streamgauge-benches
//! $bench --list
//! valgrind --tool=callgrind --toggle-collect='streamgauge_benches::profiled' \
//!     --callgrind-out-file=layer.out \
//!     $bench --profile router/fixed/streamgauge-layer --iterations 1000
//! callgrind_annotate --inclusive=yes layer.out
//! ```
//!
//! The instructions of one call are `Collected` divided by the number of iterations. One call of
//! the topic `chunk` is a stream of 1,000 chunks. Build with `CARGO_PROFILE_RELEASE_DEBUG=1` to see
//! source lines in the profile.
//!
//! The script `.ci/instructions` does this for the figures in `benches/instructions.toml`. It fails
//! if a figure has changed by more than the tolerance, or if more or fewer instructions that lock
//! memory have been executed. With `--locked` it lists these instructions with their source lines;
//! with `--write` it writes the measured numbers into the file.

mod allocations;
mod chunk;
mod clean_build;
mod clock;
mod function;
mod future_size;
mod live;
mod measure;
mod peers;
mod request;
mod router;
mod routes;
mod scrape;
mod table;
mod topic;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use clap::Parser;
use serde_json::{Value, json};

use self::allocations::AllocationTable;
pub use self::allocations::{AllocationCounts, CountAllocations};
use self::measure::{Plan, Worker};
use self::topic::{Source, Topic};

const TOPICS: [Topic; 10] = [
    router::TOPIC,
    request::TOPIC,
    function::TOPIC,
    routes::TOPIC,
    live::TOPIC,
    chunk::TOPIC,
    clock::TOPIC,
    scrape::TOPIC,
    future_size::TOPIC,
    clean_build::TOPIC,
];

/// Command-line options.
#[derive(Debug, Parser)]
#[command(
    about = "Benchmarks that compare streamgauge with other metrics crates",
    after_help = topics_help()
)]
pub struct Options {
    /// Topics to run [default: all except `build`]
    #[arg(value_name = "TOPIC", value_parser = TOPICS.map(|topic| topic.name))]
    topics: Vec<String>,

    /// Takes few, short samples: checks that everything runs, but the figures are meaningless
    #[arg(long)]
    quick: bool,

    /// Runs the topic `build`, too; ignored with `--quick`
    #[arg(long)]
    build: bool,

    /// Writes the figures as JSON to FILE, or without FILE to standard output instead of the tables
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    json: Option<String>,

    /// Lists the contenders that `--profile` accepts
    #[arg(long)]
    list: bool,

    /// Runs a contender without measuring it, for a profiler
    #[arg(long, value_name = "CONTENDER")]
    profile: Option<String>,

    /// Number of calls with `--profile`
    #[arg(long, value_name = "N", default_value_t = 1000, requires = "profile")]
    iterations: u64,
}

fn topics_help() -> String {
    let lines = TOPICS.map(|topic| format!("  {:9} {}", topic.name, topic.about));
    format!("Topics:\n{}", lines.join("\n"))
}

impl Options {
    fn plan(&self) -> Plan {
        if self.quick { Plan::QUICK } else { Plan::FULL }
    }

    fn topics(&self) -> impl Iterator<Item = &'static Topic> {
        TOPICS.iter().filter(|topic| match topic.source {
            Source::SlowTables(_) if self.quick => false,
            _ if self.topics.iter().any(|name| name == topic.name) => true,
            Source::Contenders(_) | Source::Tables(_) => self.topics.is_empty(),
            Source::SlowTables(_) => self.build,
        })
    }
}

/// Runs the benchmarks, lists the contenders or runs one contender, as the options say.
///
/// # Errors
///
/// Returns an error if a file cannot be read or written, if another program fails, or if the
/// contender to profile does not exist.
pub fn run(options: &Options) -> io::Result<()> {
    if options.list {
        return list();
    }
    if let Some(key) = &options.profile {
        return profile(key, options.iterations);
    }
    let tables_shown = options.json.as_deref() != Some("-");
    let topics = options.topics().filter(|topic| matches!(topic.source, Source::Contenders(_)));
    let topics: Vec<&str> = topics.map(|topic| topic.name).collect();
    let allocations = AllocationTable::run_counter(&topics)?;
    let mut tables: Vec<Value> = Vec::new();
    for topic in options.topics() {
        for table in topic.run(options.plan(), &allocations)? {
            tables.push(table.to_json());
            if tables_shown {
                writeln!(io::stdout(), "{table}")?;
            }
        }
    }
    match options.json.as_deref() {
        None => Ok(()),
        Some("-") => writeln!(io::stdout(), "{:#}", json!(tables)),
        Some(path) => fs::write(Path::new(path), format!("{:#}\n", json!(tables))),
    }
}

fn list() -> io::Result<()> {
    for (key, _) in TOPICS.iter().flat_map(Topic::contenders) {
        writeln!(io::stdout(), "{key}")?;
    }
    Ok(())
}

fn profile(key: &str, iterations: u64) -> io::Result<()> {
    let mut topics = TOPICS.iter().filter(|topic| key.starts_with(topic.name));
    let contenders = topics.next().map(Topic::contenders).unwrap_or_default();
    let found = contenders.iter().find(|(existing, _)| existing == key);
    let (_, contender) = found.ok_or_else(|| {
        io::Error::other(format!("no contender `{key}`; `--list` prints all contenders"))
    })?;
    let mut worker = contender.worker();
    worker(allocations::WARM_UP_CALLS);
    profiled(&mut worker, iterations);
    Ok(())
}

/// Runs the calls that a profiler measures; the profiler selects them by this function's name.
#[inline(never)]
fn profiled(worker: &mut Worker, iterations: u64) {
    worker(iterations);
}

/// Counts the allocations of the contenders of some topics, and writes them to standard output as
/// JSON.
///
/// # Errors
///
/// Returns an error if standard output cannot be written.
pub fn count_allocations(topics: &[String], count_allocations: CountAllocations) -> io::Result<()> {
    let chosen = TOPICS.iter().filter(|topic| topics.iter().any(|name| name == topic.name));
    let allocations = chosen.flat_map(|topic| topic.count_allocations(count_allocations));
    let by_key: BTreeMap<String, Value> =
        allocations.map(|(key, allocations)| (key, allocations.to_json())).collect();
    writeln!(io::stdout(), "{}", json!(by_key))
}
