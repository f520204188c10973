//! Allocations: counted by a program of their own, `allocations`.
//!
//! Whoever counts allocations slows them down. The program that takes times therefore has the allocator
//! that applications have, and asks the other one, which runs the same contenders.

use std::collections::BTreeMap;
use std::io;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::measure::{Contender, count};

/// Calls before anything is counted: every series is there after them.
pub(crate) const WARM: u64 = 3;
/// How many calls are counted, and for how long.
const CALLS: u64 = 100;
const PATIENCE: Duration = Duration::from_millis(200);

/// What a global allocator has counted while something ran, on its thread.
#[derive(Clone, Copy, Debug)]
pub struct Counted {
    /// Allocations; one that grows is one more.
    pub allocations: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The most bytes there were at once beyond those that were there before.
    pub peak: u64,
    /// The bytes that are left.
    pub live: i64,
}

/// Runs something, and counts its allocations.
pub type Probe = fn(&mut dyn FnMut()) -> Counted;

/// The allocations of one contender.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allocations {
    /// How many an operation makes.
    pub(crate) number: f64,
    /// How many bytes they have.
    pub(crate) bytes: f64,
    /// The most bytes at once, of one call.
    pub(crate) peak: f64,
    /// The bytes that making the contender has left behind.
    pub(crate) live: f64,
}

impl Allocations {
    pub(crate) fn of(contender: &Contender, probe: Probe) -> Self {
        let mut worker = None;
        let made = probe(&mut || worker = Some(contender.worker()));
        let mut worker = worker.expect("it has just been made");
        let started = Instant::now();
        worker(WARM);
        let mut calls = CALLS;
        while calls > 1 && started.elapsed() * u32::try_from(calls / WARM).unwrap_or(1) > PATIENCE {
            calls /= 10;
        }
        let counted = probe(&mut || worker(calls));
        let operations = contender.operations(calls);
        Self {
            number: count(counted.allocations) / operations,
            bytes: count(counted.bytes) / operations,
            peak: count(counted.peak),
            live: count(made.live.max(0).unsigned_abs()),
        }
    }

    pub(crate) fn to_json(self) -> Value {
        [self.number, self.bytes, self.peak, self.live].into_iter().collect()
    }

    fn from_json(value: &Value) -> Option<Self> {
        let at = |index| value.get(index)?.as_f64();
        Some(Self { number: at(0)?, bytes: at(1)?, peak: at(2)?, live: at(3)? })
    }
}

/// The allocations of contenders, by their keys.
#[derive(Default)]
pub(crate) struct AllocationTable(BTreeMap<String, Allocations>);

impl AllocationTable {
    /// Lets `allocations` count; Cargo builds it, if it is not there.
    pub(crate) fn ask(topics: &[&str]) -> io::Result<Self> {
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
                "`allocations` has ended with {}",
                output.status
            )));
        }
        let told: BTreeMap<String, Value> = serde_json::from_slice(&output.stdout)?;
        let known = told.into_iter().filter_map(|(key, value)| {
            let allocations = Allocations::from_json(&value)?;
            Some((key, allocations))
        });
        Ok(Self(known.collect()))
    }

    pub(crate) fn of(&self, key: &str) -> Option<Allocations> {
        self.0.get(key).copied()
    }
}
