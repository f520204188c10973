//! Contenders in turns: short samples, many of them, and their medians.
//!
//! The processors are shared with whatever else runs. A sample counts only if each of its threads had its
//! processor for nearly all of it, and if the threads ran at once; others are taken again, up to a bound. Past
//! that one thread's time on its processor stands in for its samples, and nothing for those of two.

use std::hint::black_box;
use std::sync::Barrier;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

use crate::peers;

/// The share of a sample for which its thread must have had a processor.
const RUNNING: f64 = 0.95;
/// The share of a sample in which its threads must have run at once.
const TOGETHER: f64 = 0.8;
/// How many rounds there may be for each that is wanted.
const PATIENCE: usize = 12;
/// How many of the wanted samples must be there: one in so many.
const FEWEST: usize = 8;

/// Does so many operations.
pub(crate) type Worker = Box<dyn FnMut(u64)>;

/// Something to be measured.
pub(crate) struct Contender {
    pub(crate) name: String,
    /// The contender that this one is compared with.
    pub(crate) base: Option<String>,
    /// Whether it is there only to be compared with.
    pub(crate) hidden: bool,
    /// How many operations of interest one call does.
    per_call: u32,
    make: Box<dyn Fn() -> Worker + Send + Sync>,
}

impl Contender {
    /// A contender; `make` prepares what one thread then calls again and again.
    pub(crate) fn new<C: FnMut() + 'static>(
        name: impl Into<String>,
        make: impl Fn() -> C + Send + Sync + 'static,
    ) -> Self {
        let worker = move || -> Worker {
            let mut call = make();
            Box::new(move |calls| (0..calls).for_each(|_| call()))
        };
        Self { name: name.into(), base: None, hidden: false, per_call: 1, make: Box::new(worker) }
    }

    /// A contender without anything to prepare.
    pub(crate) fn of<R>(
        name: impl Into<String>,
        call: impl Fn() -> R + Copy + Send + Sync + 'static,
    ) -> Self {
        Self::new(name, move || {
            move || {
                black_box(call());
            }
        })
    }

    /// The same, compared with that one.
    pub(crate) fn against(mut self, base: impl Into<String>) -> Self {
        self.base = Some(base.into());
        self
    }

    /// The same, compared with none.
    pub(crate) fn alone(mut self) -> Self {
        self.base = None;
        self
    }

    /// The same, left out of the table.
    pub(crate) fn hidden(mut self) -> Self {
        self.hidden = true;
        self
    }

    /// The same, of which one call does so many operations.
    pub(crate) fn doing(mut self, operations: u32) -> Self {
        self.per_call = operations;
        self
    }

    pub(crate) fn worker(&self) -> Worker {
        (self.make)()
    }

    /// How many operations so many calls do.
    pub(crate) fn operations(&self, calls: u64) -> f64 {
        count(calls) * f64::from(self.per_call)
    }
}

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Samples of each contender.
    pub(crate) samples: usize,
    /// How long one is, about.
    pub(crate) sample: Duration,
}

impl Plan {
    pub(crate) const FULL: Self = Self { samples: 61, sample: Duration::from_micros(2_500) };
    /// Enough to see that everything runs.
    pub(crate) const QUICK: Self = Self { samples: 5, sample: Duration::from_micros(400) };
}

/// Nanoseconds that an operation took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    pub(crate) median: f64,
    /// Half of all samples lie within this much of the median.
    pub(crate) spread: f64,
    /// Whether too few samples had their processor, so that the time on it had to do.
    pub(crate) disturbed: bool,
}

/// Measures all contenders in turns, each on so many threads at once; a cost is what one thread sees.
pub(crate) fn in_turns(contenders: &[Contender], threads: usize, plan: Plan) -> Vec<Option<Cost>> {
    // The less time they need, the likelier they have it at once.
    let length = plan.sample / u32::try_from(threads).expect("there are few");
    let barrier = Barrier::new(threads);
    thread::scope(|scope| {
        let crew = (0..threads).map(|number| {
            let (order, orders) = channel();
            let (report, reports) = channel();
            let barrier = &barrier;
            scope.spawn(move || {
                if threads > 1 {
                    stay_on_processor(number);
                }
                work(contenders, barrier, &orders, &report);
            });
            (order, reports)
        });
        let mut crew = Crew(crew.collect());
        let calls: Vec<u64> =
            (0..contenders.len()).map(|index| crew.calls_in(index, length)).collect();
        let mut samples: Vec<_> = contenders.iter().map(|_| Samples::default()).collect();
        for _ in 0..plan.samples * PATIENCE {
            for (index, samples) in samples.iter_mut().enumerate() {
                if samples.clean.len() < plan.samples {
                    let lot = crew.sample(index, calls[index]);
                    samples.add(&lot, contenders[index].operations(calls[index]));
                }
            }
            peers::upkeep();
        }
        samples.into_iter().map(|samples| samples.cost(plan)).collect()
    })
}

/// One thread of a sample: when it ran, and how long it had its processor.
struct Turn {
    started: Instant,
    ended: Instant,
    running: Duration,
}

impl Turn {
    fn wall(&self) -> Duration {
        self.ended - self.started
    }
}

/// What a thread is asked for: so many calls of that contender.
struct Order {
    index: usize,
    calls: u64,
}

fn work(
    contenders: &[Contender],
    barrier: &Barrier,
    orders: &Receiver<Order>,
    report: &Sender<Turn>,
) {
    let mut workers: Vec<Worker> = contenders.iter().map(Contender::worker).collect();
    for Order { index, calls } in orders {
        // Others have had the caches meanwhile.
        workers[index](calls.div_ceil(2));
        barrier.wait();
        let running = thread_time();
        let started = Instant::now();
        workers[index](calls);
        let ended = Instant::now();
        let running = thread_time().saturating_sub(running);
        report.send(Turn { started, ended, running }).expect("the crew waits for every report");
    }
}

/// Keeps this thread to one of the processors, so that no other is put on the same one. Where the system does not
/// let it, samples in which that happens do not count.
fn stay_on_processor(number: usize) {
    let Ok(allowed) = sched_getaffinity(None) else { return };
    let mut processors = (0..CpuSet::MAX_CPU).filter(|processor| allowed.is_set(*processor));
    if let Some(processor) = processors.nth(number) {
        let mut own = CpuSet::new();
        own.set(processor);
        let _ = sched_setaffinity(None, &own);
    }
}

/// How long this thread has had a processor.
fn thread_time() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().expect("a clock that has only gone forward")
}

/// The threads that take samples together.
struct Crew(Vec<(Sender<Order>, Receiver<Turn>)>);

impl Crew {
    fn sample(&mut self, index: usize, calls: u64) -> Vec<Turn> {
        for (order, _) in &self.0 {
            order.send(Order { index, calls }).expect("the thread waits for orders");
        }
        let turn = |reports: &Receiver<Turn>| reports.recv().expect("a contender does not panic");
        self.0.iter().map(|(_, reports)| turn(reports)).collect()
    }

    /// How many calls make a sample of this length; finding it out warms the contender up.
    fn calls_in(&mut self, index: usize, length: Duration) -> u64 {
        let mut calls = 1;
        loop {
            let turns = self.sample(index, calls);
            let shortest = turns.iter().map(Turn::wall).min().unwrap_or_default();
            if shortest >= length {
                return calls;
            }
            assert!(calls < 1 << 32, "the compiler has left nothing to measure");
            calls *= if shortest * 4 < length { 4 } else { 2 };
        }
    }
}

/// Nanoseconds an operation, sample by sample.
#[derive(Default)]
struct Samples {
    clean: Vec<f64>,
    /// On its processor, of all that are one thread's.
    running: Vec<f64>,
}

impl Samples {
    fn add(&mut self, turns: &[Turn], operations: f64) {
        let cost = |time: Duration| time.as_secs_f64() * 1e9 / operations;
        if is_clean(turns) {
            let sum: f64 = turns.iter().map(|turn| cost(turn.wall())).sum();
            self.clean.push(sum / count(turns.len() as u64));
        }
        if let [turn] = turns {
            self.running.push(cost(turn.running));
        }
    }

    fn cost(self, plan: Plan) -> Option<Cost> {
        let disturbed = self.clean.len() * FEWEST < plan.samples;
        let samples = if disturbed { self.running } else { self.clean };
        let median = median(samples.iter().copied())?;
        let spread = self::median(samples.iter().map(|sample| (sample - median).abs()))?;
        Some(Cost { median, spread, disturbed })
    }
}

fn is_clean(turns: &[Turn]) -> bool {
    let ran = |turn: &Turn| turn.running.as_secs_f64() >= RUNNING * turn.wall().as_secs_f64();
    let began = turns.iter().map(|turn| turn.started).max();
    let ended = turns.iter().map(|turn| turn.ended).min();
    let longest = turns.iter().map(Turn::wall).max().unwrap_or_default();
    let together = began.zip(ended).map(|(began, ended)| ended.saturating_duration_since(began));
    turns.iter().all(ran)
        && together.unwrap_or_default().as_secs_f64() >= TOGETHER * longest.as_secs_f64()
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// A number of things, to reckon with.
#[expect(clippy::cast_precision_loss, reason = "nothing here is counted that far")]
pub(crate) fn count(things: u64) -> f64 {
    things as f64
}
