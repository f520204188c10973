//! Allocation counts of the contenders, from the separate program `allocations`.
//!
//! A counting allocator slows allocations down. So the program that measures times has the usual
//! allocator, and runs a second program that has the counting allocator and the same contenders.

use std::collections::BTreeMap;
use std::io;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::measure::{Contender, to_f64};

/// Number of calls before the measurement; they create all series.
pub(crate) const WARM_UP_CALLS: u64 = 3;
/// Number of calls during which allocations are counted, unless they exceed the time limit.
const COUNTED_CALLS: u64 = 100;
/// Approximate time limit of the counted calls.
const TIME_LIMIT: Duration = Duration::from_millis(200);

/// Allocations of the current thread while a function ran.
#[derive(Clone, Copy, Debug)]
pub struct AllocationCounts {
    /// Number of allocations and reallocations.
    pub allocations: u64,
    /// Number of allocated bytes.
    pub bytes: u64,
    /// Maximum number of bytes in use at once, above those in use before.
    pub peak: u64,
    /// Change of the number of bytes in use.
    pub live: i64,
}

/// Runs a function and counts its allocations.
pub type CountAllocations = fn(&mut dyn FnMut()) -> AllocationCounts;

/// Allocations of one contender.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allocations {
    /// Number of allocations per operation.
    pub(crate) number: f64,
    /// Allocated bytes per operation.
    pub(crate) bytes: f64,
    /// Maximum number of additional bytes in use at once during the counted calls.
    pub(crate) peak: f64,
    /// Bytes in use by the prepared contender.
    pub(crate) live: f64,
    /// Bytes in use that a second thread adds; `None` if the contender has no second thread.
    pub(crate) second_thread: Option<f64>,
}

impl Allocations {
    pub(crate) fn measure(contender: &Contender, count_allocations: CountAllocations) -> Self {
        let mut worker = None;
        let prepared = count_allocations(&mut || worker = Some(contender.worker()));
        let mut worker = worker.expect("the closure has assigned the worker");
        let started = Instant::now();
        worker(WARM_UP_CALLS);
        let mut calls = COUNTED_CALLS;
        while calls > 1
            && started.elapsed() * u32::try_from(calls / WARM_UP_CALLS).unwrap_or(1) > TIME_LIMIT
        {
            calls /= 10;
        }
        let counted = count_allocations(&mut || worker(calls));
        let operations = contender.operations(calls);
        Self {
            number: to_f64(counted.allocations) / operations,
            bytes: to_f64(counted.bytes) / operations,
            peak: to_f64(counted.peak),
            live: bytes_in_use(prepared),
            second_thread: contender.second_thread().map(|mut code| {
                let thread = thread::spawn(move || count_allocations(&mut code));
                bytes_in_use(thread.join().expect("a contender does not panic"))
            }),
        }
    }

    pub(crate) fn to_json(self) -> Value {
        json!([self.number, self.bytes, self.peak, self.live, self.second_thread])
    }

    fn from_json(value: &Value) -> Option<Self> {
        let at = |index| value.get(index)?.as_f64();
        Some(Self {
            number: at(0)?,
            bytes: at(1)?,
            peak: at(2)?,
            live: at(3)?,
            second_thread: at(4),
        })
    }
}

fn bytes_in_use(counts: AllocationCounts) -> f64 {
    to_f64(counts.live.max(0).unsigned_abs())
}

/// Allocations of contenders by key.
#[derive(Default)]
pub(crate) struct AllocationTable(BTreeMap<String, Allocations>);

impl AllocationTable {
    /// Runs the program `allocations` with Cargo, which builds it if necessary.
    pub(crate) fn run_counter(topics: &[&str]) -> io::Result<Self> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(["run", "--quiet", "--bin", "allocations", "--manifest-path"]);
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
        if !cfg!(debug_assertions) {
            command.arg("--release");
        }
        let output = command.arg("--").args(topics).stderr(Stdio::inherit()).output()?;
        if !output.status.success() {
            return Err(io::Error::other(format!(
                "the program `allocations` failed: {}",
                output.status
            )));
        }
        let by_key: BTreeMap<String, Value> = serde_json::from_slice(&output.stdout)?;
        let allocations = by_key.into_iter().filter_map(|(key, value)| {
            let allocations = Allocations::from_json(&value)?;
            Some((key, allocations))
        });
        Ok(Self(allocations.collect()))
    }

    pub(crate) fn get(&self, key: &str) -> Option<Allocations> {
        self.0.get(key).copied()
    }
}
