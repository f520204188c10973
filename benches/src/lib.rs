//! streamgauge measured against its peers and the floor:
//!
//! ```sh
//! cargo run --release -p streamgauge-benches                      # all topics, a table each
//! cargo run --release -p streamgauge-benches -- router chunk      # these
//! cargo run --release -p streamgauge-benches -- --quick           # whether everything runs
//! cargo run --release -p streamgauge-benches -- --json FILE       # the same figures for programs
//! ```
//!
//! Absolute times move with the machine and with what else it does. Contenders are therefore measured in
//! turns of a few milliseconds, and what counts are the differences within one run. Allocations do not move;
//! a second program counts them.
//!
//! # Profiles
//!
//! Instructions hardly move either. `--profile` makes one contender, warms it up, and then calls it so many times in
//! `profiled`, within which callgrind counts:
//!
//! ```sh
//! cargo build --release -p streamgauge-benches
//! bench=target/release/streamgauge-benches
//! $bench --list
//! valgrind --tool=callgrind --toggle-collect='streamgauge_benches::profiled' \
//!     --callgrind-out-file=layer.out $bench --profile router/fixed/streamgauge-layer --iterations 1000
//! callgrind_annotate --inclusive=yes layer.out
//! ```
//!
//! `Collected` ÷ iterations is what one call takes; a call of `chunk` is a stream of a thousand.
//! Building with `CARGO_PROFILE_RELEASE_DEBUG=1` gives the profile its lines.

mod allocator;
mod build;
mod chunk;
mod clock;
mod function;
mod future;
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

use self::allocator::AllocationTable;
pub use self::allocator::{Counted, Probe};
use self::measure::{Plan, Worker};
use self::topic::{Answer, Topic};

const TOPICS: [Topic; 9] = [
    router::TOPIC,
    request::TOPIC,
    function::TOPIC,
    routes::TOPIC,
    chunk::TOPIC,
    clock::TOPIC,
    scrape::TOPIC,
    future::TOPIC,
    build::TOPIC,
];

/// What to measure, and how to tell it.
#[derive(Debug, Parser)]
#[command(about = "streamgauge measured against its peers", after_help = topics_help())]
pub struct Options {
    /// Topics to run; all, unless some are named
    #[arg(value_name = "TOPIC", value_parser = TOPICS.map(|topic| topic.name))]
    topics: Vec<String>,

    /// Takes few short samples: shows that everything runs, and no more
    #[arg(long)]
    quick: bool,

    /// Runs the topic `build`, too, unless in a hurry
    #[arg(long)]
    build: bool,

    /// Writes the figures as JSON to a file, or instead of the tables
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    json: Option<String>,

    /// Lists what can be profiled
    #[arg(long)]
    list: bool,

    /// Runs this contender, and measures nothing
    #[arg(long, value_name = "CONTENDER")]
    profile: Option<String>,

    /// How often
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
        TOPICS.iter().filter(|topic| match topic.answer {
            Answer::Asked(_) if self.quick => false,
            _ if self.topics.iter().any(|name| name == topic.name) => true,
            Answer::Measured(_) | Answer::Told(_) => self.topics.is_empty(),
            Answer::Asked(_) => self.build,
        })
    }
}

/// Does what the options say.
///
/// # Errors
///
/// Those of files and of other programs, and a contender that there is not.
pub fn run(options: &Options) -> io::Result<()> {
    if options.list {
        return list();
    }
    if let Some(key) = &options.profile {
        return profile(key, options.iterations);
    }
    let tables_shown = options.json.as_deref() != Some("-");
    let counted = options.topics().filter(|topic| matches!(topic.answer, Answer::Measured(_)));
    let counted: Vec<&str> = counted.map(|topic| topic.name).collect();
    let allocations = AllocationTable::ask(&counted)?;
    let mut all: Vec<Value> = Vec::new();
    for topic in options.topics() {
        for table in topic.run(options.plan(), &allocations)? {
            all.push(table.to_json());
            if tables_shown {
                writeln!(io::stdout(), "{table}")?;
            }
        }
    }
    match options.json.as_deref() {
        None => Ok(()),
        Some("-") => writeln!(io::stdout(), "{:#}", json!(all)),
        Some(path) => fs::write(Path::new(path), format!("{:#}\n", json!(all))),
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
    let found = contenders.iter().find(|(known, _)| known == key);
    let (_, contender) = found.ok_or_else(|| io::Error::other("`--list` tells what there is"))?;
    let mut worker = contender.worker();
    worker(allocator::WARM);
    profiled(&mut worker, iterations);
    Ok(())
}

/// Where a profile is to be taken, by its name.
#[inline(never)]
fn profiled(worker: &mut Worker, iterations: u64) {
    worker(iterations);
}

/// Counts the allocations of these topics' contenders, and writes them to the standard output.
///
/// # Errors
///
/// Those of the standard output.
pub fn count(topics: &[String], probe: Probe) -> io::Result<()> {
    let chosen = TOPICS.iter().filter(|topic| topics.iter().any(|name| name == topic.name));
    let told = chosen.flat_map(|topic| topic.count(probe));
    let by_key: BTreeMap<String, Value> =
        told.map(|(key, allocations)| (key, allocations.to_json())).collect();
    writeln!(io::stdout(), "{}", json!(by_key))
}
