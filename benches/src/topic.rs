//! What a topic is made of: groups of contenders, each of which becomes a table.

use std::io;

use crate::allocator::{AllocationTable, Allocations, Probe};
use crate::measure::{Contender, Cost, Plan, in_turns};
use crate::table::{Figure, Row, Table};

/// One question, and what answers it.
pub(crate) struct Topic {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) answer: Answer,
}

pub(crate) enum Answer {
    /// Contenders that are measured in turns.
    Measured(fn() -> Vec<Group>),
    /// Tables that come about in another way.
    Told(fn() -> io::Result<Vec<Table>>),
    /// The same, and it takes so long that one must ask for it.
    Asked(fn() -> io::Result<Vec<Table>>),
}

/// Contenders that are compared with each other.
pub(crate) struct Group {
    /// Tells the groups of a topic apart; empty where there is one.
    pub(crate) key: &'static str,
    pub(crate) caption: String,
    /// Whether two threads at once are measured, too.
    pub(crate) two_threads: bool,
    /// Takes one in so many of the samples that others take: more than one where each takes long.
    pub(crate) thinned: usize,
    pub(crate) contenders: Vec<Contender>,
    pub(crate) columns: &'static [Column],
}

/// A column: its title, and how a contender's figure in it is found.
pub(crate) struct Column(
    pub(crate) &'static str,
    pub(crate) Figure,
    pub(crate) fn(&Line<'_>) -> Option<f64>,
);

/// What is known of one contender.
pub(crate) struct Measured {
    name: String,
    base: Option<String>,
    hidden: bool,
    pub(crate) one: Option<Cost>,
    pub(crate) two: Option<Cost>,
    pub(crate) allocations: Option<Allocations>,
}

/// A contender among the others.
pub(crate) struct Line<'a> {
    pub(crate) here: &'a Measured,
    all: &'a [Measured],
}

/// How one figure of a contender is found.
type Reading = fn(&Measured) -> Option<f64>;

pub(crate) const ONE: Reading = |it| Some(it.one?.median);
pub(crate) const TWO: Reading = |it| Some(it.two?.median);
pub(crate) const ALLOCATIONS: Reading = |it| Some(it.allocations?.number);
pub(crate) const BYTES: Reading = |it| Some(it.allocations?.bytes);

pub(crate) const PEAK: Reading = |it| Some(it.allocations?.peak);
pub(crate) const LIVE: Reading = |it| Some(it.allocations?.live);

pub(crate) const SPREAD: Column = Column("±", Figure::Time, |line| Some(line.here.one?.spread));

impl Line<'_> {
    /// A figure of the contender with this name.
    pub(crate) fn of(&self, name: &str, reading: Reading) -> Option<f64> {
        reading(self.all.iter().find(|other| other.name == name)?)
    }

    /// A figure of this contender.
    pub(crate) fn own(&self, reading: Reading) -> Option<f64> {
        reading(self.here)
    }

    /// A figure of the contender that this one is compared with.
    pub(crate) fn base(&self, reading: Reading) -> Option<f64> {
        self.of(self.here.base.as_ref()?, reading)
    }

    /// A figure less that of the contender that this one is compared with.
    pub(crate) fn above(&self, reading: Reading) -> Option<f64> {
        Some(self.own(reading)? - self.base(reading)?)
    }

    /// The same, or the figure itself where there is nothing to compare with.
    pub(crate) fn net(&self, reading: Reading) -> Option<f64> {
        self.above(reading).or_else(|| self.own(reading))
    }
}

impl Topic {
    /// The tables of this topic.
    pub(crate) fn run(&self, plan: Plan, allocations: &AllocationTable) -> io::Result<Vec<Table>> {
        match self.answer {
            Answer::Measured(groups) => {
                Ok(groups().iter().map(|group| group.run(self, plan, allocations)).collect())
            }
            Answer::Told(tables) | Answer::Asked(tables) => tables(),
        }
    }

    /// The contenders by their keys.
    pub(crate) fn contenders(&self) -> Vec<(String, Contender)> {
        let Answer::Measured(groups) = self.answer else { return Vec::new() };
        let keyed = groups().into_iter().flat_map(|group| {
            let key = group.key;
            group.contenders.into_iter().map(move |it| (self.key(key, &it.name), it))
        });
        keyed.collect()
    }

    /// What allocates how much, by the contenders' keys.
    pub(crate) fn count(&self, probe: Probe) -> Vec<(String, Allocations)> {
        let contenders = self.contenders().into_iter();
        contenders.map(|(key, contender)| (key, Allocations::of(&contender, probe))).collect()
    }

    fn key(&self, group: &str, name: &str) -> String {
        let separator = if group.is_empty() { "" } else { "/" };
        format!("{}{separator}{group}/{}", self.name, slug(name))
    }
}

impl Group {
    fn run(&self, topic: &Topic, plan: Plan, allocations: &AllocationTable) -> Table {
        let plan = Plan { samples: plan.samples.div_ceil(self.thinned), ..plan };
        let one = in_turns(&self.contenders, 1, plan);
        let two = self.two_threads.then(|| in_turns(&self.contenders, 2, plan));
        let all: Vec<Measured> = self
            .contenders
            .iter()
            .enumerate()
            .map(|(index, contender)| Measured {
                name: contender.name.clone(),
                base: contender.base.clone(),
                hidden: contender.hidden,
                one: one[index],
                two: two.as_ref().and_then(|two| two[index]),
                allocations: allocations.of(&topic.key(self.key, &contender.name)),
            })
            .collect();
        let rows = all
            .iter()
            .filter(|it| !it.hidden)
            .map(|here| {
                let line = Line { here, all: &all };
                Row {
                    name: here.name.clone(),
                    values: self.columns.iter().map(|Column(.., value)| value(&line)).collect(),
                    disturbed: here.one.is_some_and(|one| one.disturbed),
                }
            })
            .collect();
        Table {
            topic: topic.name,
            head: "contender",
            caption: self.caption.clone(),
            columns: self
                .columns
                .iter()
                .map(|Column(title, figure, _)| (*title, *figure))
                .collect(),
            rows,
        }
    }
}

/// A name as it can stand on a command line.
fn slug(name: &str) -> String {
    let words = name.split(|letter: char| !letter.is_ascii_alphanumeric());
    let words: Vec<String> =
        words.filter(|word| !word.is_empty()).map(str::to_ascii_lowercase).collect();
    words.join("-")
}
