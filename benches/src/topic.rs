//! Topics of the benchmark. Each topic has groups of contenders, and each group becomes a table.

use std::io;

use crate::allocations::{AllocationTable, Allocations, CountAllocations};
use crate::measure::{Contender, Cost, Plan, measure_interleaved};
use crate::table::{NumberFormat, Row, Table};

/// One subject of the benchmark, which the command line selects by name.
pub(crate) struct Topic {
    pub(crate) name: &'static str,
    /// Description for `--help`.
    pub(crate) about: &'static str,
    pub(crate) source: Source,
}

/// Source of a topic's tables.
pub(crate) enum Source {
    /// Contenders that are measured in turns.
    Contenders(fn() -> Vec<Group>),
    /// A function that returns tables.
    Tables(fn() -> io::Result<Vec<Table>>),
    /// A function that returns tables, but runs only on request because it takes minutes.
    SlowTables(fn() -> io::Result<Vec<Table>>),
}

/// Contenders that are compared with each other.
pub(crate) struct Group {
    /// Name of the group within its topic; empty if the topic has a single group.
    pub(crate) key: &'static str,
    pub(crate) caption: String,
    /// True if two threads at the same time are measured, too.
    pub(crate) two_threads: bool,
    /// Divides the number of samples, for groups whose samples take long.
    pub(crate) sample_divisor: usize,
    pub(crate) contenders: Vec<Contender>,
    pub(crate) columns: &'static [Column],
}

/// A column: title, number format and the function that returns a contender's figure.
pub(crate) struct Column(
    pub(crate) &'static str,
    pub(crate) NumberFormat,
    pub(crate) fn(&Comparison<'_>) -> Option<f64>,
);

/// All figures of one contender.
pub(crate) struct Measurement {
    name: String,
    base: Option<String>,
    hidden: bool,
    pub(crate) one_thread: Option<Cost>,
    pub(crate) two_threads: Option<Cost>,
    pub(crate) allocations: Option<Allocations>,
}

/// Figures of a contender, and of the others that it may be compared with.
pub(crate) struct Comparison<'a> {
    pub(crate) contender: &'a Measurement,
    all: &'a [Measurement],
}

/// Returns one figure of a contender.
type ReadFigure = fn(&Measurement) -> Option<f64>;

pub(crate) const ONE_THREAD: ReadFigure = |figures| Some(figures.one_thread?.median);
pub(crate) const TWO_THREADS: ReadFigure = |figures| Some(figures.two_threads?.median);
pub(crate) const ALLOCATIONS: ReadFigure = |figures| Some(figures.allocations?.number);
pub(crate) const ALLOCATED_BYTES: ReadFigure = |figures| Some(figures.allocations?.bytes);

pub(crate) const PEAK_BYTES: ReadFigure = |figures| Some(figures.allocations?.peak);
pub(crate) const LIVE_BYTES: ReadFigure = |figures| Some(figures.allocations?.live);
pub(crate) const SECOND_THREAD_BYTES: ReadFigure = |figures| figures.allocations?.second_thread;

pub(crate) const SPREAD: Column =
    Column("±", NumberFormat::Time, |line| Some(line.contender.one_thread?.spread));

impl Comparison<'_> {
    /// Returns a figure of the contender with this name.
    pub(crate) fn figure_of(&self, name: &str, read: ReadFigure) -> Option<f64> {
        read(self.all.iter().find(|other| other.name == name)?)
    }

    /// Returns a figure of this contender.
    pub(crate) fn own(&self, read: ReadFigure) -> Option<f64> {
        read(self.contender)
    }

    /// Returns a figure of the contender that this one is compared with.
    pub(crate) fn base(&self, read: ReadFigure) -> Option<f64> {
        self.figure_of(self.contender.base.as_ref()?, read)
    }

    /// Returns the difference between a figure of this contender and of the one that it is compared
    /// with.
    pub(crate) fn above_base(&self, read: ReadFigure) -> Option<f64> {
        Some(self.own(read)? - self.base(read)?)
    }

    /// Returns the difference, or the figure itself if this contender is compared with no other.
    pub(crate) fn above_base_or_own(&self, read: ReadFigure) -> Option<f64> {
        self.above_base(read).or_else(|| self.own(read))
    }
}

impl Topic {
    /// Measures the topic and returns its tables.
    pub(crate) fn run(&self, plan: Plan, allocations: &AllocationTable) -> io::Result<Vec<Table>> {
        match self.source {
            Source::Contenders(groups) => {
                Ok(groups().iter().map(|group| group.run(self, plan, allocations)).collect())
            }
            Source::Tables(tables) | Source::SlowTables(tables) => tables(),
        }
    }

    /// Returns the contenders with their keys.
    pub(crate) fn contenders(&self) -> Vec<(String, Contender)> {
        let Source::Contenders(groups) = self.source else { return Vec::new() };
        let contenders = groups().into_iter().flat_map(|group| {
            let key = group.key;
            group
                .contenders
                .into_iter()
                .map(move |contender| (self.key(key, &contender.name), contender))
        });
        contenders.collect()
    }

    /// Counts the allocations of the contenders, and returns the counts with the contenders' keys.
    pub(crate) fn count_allocations(
        &self,
        count_allocations: CountAllocations,
    ) -> Vec<(String, Allocations)> {
        let contenders = self.contenders().into_iter();
        contenders
            .map(|(key, contender)| (key, Allocations::measure(&contender, count_allocations)))
            .collect()
    }

    /// Returns the key of a contender, for `--profile` and for the counts of allocations.
    fn key(&self, group: &str, name: &str) -> String {
        let separator = if group.is_empty() { "" } else { "/" };
        format!("{}{separator}{group}/{}", self.name, slug(name))
    }
}

impl Group {
    fn run(&self, topic: &Topic, plan: Plan, allocations: &AllocationTable) -> Table {
        let plan = Plan { samples: plan.samples.div_ceil(self.sample_divisor), ..plan };
        let one_thread = measure_interleaved(&self.contenders, 1, plan);
        let two_threads = self.two_threads.then(|| measure_interleaved(&self.contenders, 2, plan));
        let all: Vec<Measurement> = self
            .contenders
            .iter()
            .enumerate()
            .map(|(index, contender)| Measurement {
                name: contender.name.clone(),
                base: contender.base.clone(),
                hidden: contender.hidden,
                one_thread: one_thread[index],
                two_threads: two_threads.as_ref().and_then(|costs| costs[index]),
                allocations: allocations.get(&topic.key(self.key, &contender.name)),
            })
            .collect();
        let rows = all
            .iter()
            .filter(|contender| !contender.hidden)
            .map(|contender| {
                let line = Comparison { contender, all: &all };
                Row {
                    name: contender.name.clone(),
                    values: self.columns.iter().map(|Column(.., value)| value(&line)).collect(),
                    disturbed: contender.one_thread.is_some_and(|cost| cost.disturbed),
                }
            })
            .collect();
        Table {
            topic: topic.name,
            row_header: "contender",
            caption: self.caption.clone(),
            columns: self
                .columns
                .iter()
                .map(|Column(title, format, _)| (*title, *format))
                .collect(),
            rows,
        }
    }
}

/// Turns a name into lower-case words joined by `-`, for use on a command line.
fn slug(name: &str) -> String {
    let words = name.split(|letter: char| !letter.is_ascii_alphanumeric());
    let words: Vec<String> =
        words.filter(|word| !word.is_empty()).map(str::to_ascii_lowercase).collect();
    words.join("-")
}
