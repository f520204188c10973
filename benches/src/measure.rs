//! Interleaved measurement: the contenders take turns with many short samples, whose median counts.
//!
//! Other programs may use the processors at the same time. So a sample is used only if each of its
//! threads had a processor for nearly the whole sample, and if the threads ran at the same time.
//! Other samples are repeated, a limited number of times. If too few samples remain, the result of
//! one thread is the median of the processor times instead and marked as disturbed, and two threads
//! have no result.

use std::hint::black_box;
use std::sync::Barrier;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

use crate::peers;

/// Minimum share of a sample for which each thread must have had a processor.
const MIN_PROCESSOR_SHARE: f64 = 0.95;
/// Minimum share of a sample for which its threads must have run at the same time.
const MIN_OVERLAP: f64 = 0.8;
/// Maximum number of attempts per sample, on average.
const MAX_ATTEMPTS: usize = 12;
/// At least one in this many samples must be undisturbed.
const MAX_SAMPLES_PER_UNDISTURBED: usize = 8;

/// Calls a prepared contender the given number of times.
pub(crate) type Worker = Box<dyn FnMut(u64)>;

/// Code that a second thread runs once.
pub(crate) type SecondThread = Box<dyn FnMut() + Send>;

/// Code that is measured and compared with other contenders.
pub(crate) struct Contender {
    pub(crate) name: String,
    /// Name of the contender that this one is compared with.
    pub(crate) base: Option<String>,
    /// True if the contender has no row of its own, because others are only compared with it.
    pub(crate) hidden: bool,
    /// Number of operations in one call, such as chunks of a stream.
    operations_per_call: u32,
    make: Box<dyn Fn() -> Worker + Send + Sync>,
    make_second_thread: Option<Box<dyn Fn() -> SecondThread + Send + Sync>>,
}

impl Contender {
    /// Creates a contender. Each thread calls `make` once, and then calls the result repeatedly.
    pub(crate) fn new<C: FnMut() + 'static>(
        name: impl Into<String>,
        make: impl Fn() -> C + Send + Sync + 'static,
    ) -> Self {
        let worker = move || -> Worker {
            let mut call = make();
            Box::new(move |calls| (0..calls).for_each(|_| call()))
        };
        Self {
            name: name.into(),
            base: None,
            hidden: false,
            operations_per_call: 1,
            make: Box::new(worker),
            make_second_thread: None,
        }
    }

    /// Creates a contender that needs no preparation.
    pub(crate) fn from_fn<R>(
        name: impl Into<String>,
        call: impl Fn() -> R + Copy + Send + Sync + 'static,
    ) -> Self {
        Self::new(name, move || {
            move || {
                black_box(call());
            }
        })
    }

    /// Compares this contender with the one named `base`.
    pub(crate) fn compared_with(mut self, base: impl Into<String>) -> Self {
        self.base = Some(base.into());
        self
    }

    /// Compares this contender with no other.
    pub(crate) fn without_base(mut self) -> Self {
        self.base = None;
        self
    }

    /// Leaves this contender out of the table.
    pub(crate) fn hidden(mut self) -> Self {
        self.hidden = true;
        self
    }

    /// Sets the number of operations in one call; defaults to 1.
    pub(crate) fn with_operations_per_call(mut self, operations: u32) -> Self {
        self.operations_per_call = operations;
        self
    }

    /// Measures the memory that a second thread adds, too. `make` prepares what both threads share,
    /// and the second thread runs the result.
    pub(crate) fn with_second_thread<C: FnMut() + Send + 'static>(
        mut self,
        make: impl Fn() -> C + Send + Sync + 'static,
    ) -> Self {
        self.make_second_thread = Some(Box::new(move || Box::new(make())));
        self
    }

    /// Prepares the code of a second thread.
    pub(crate) fn second_thread(&self) -> Option<SecondThread> {
        self.make_second_thread.as_ref().map(|make| make())
    }

    /// Prepares the contender for one thread.
    pub(crate) fn worker(&self) -> Worker {
        (self.make)()
    }

    /// Returns the number of operations in `calls` calls.
    pub(crate) fn operations(&self, calls: u64) -> f64 {
        to_f64(calls) * f64::from(self.operations_per_call)
    }
}

/// Number and length of the samples.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Number of samples per contender.
    pub(crate) samples: usize,
    /// Approximate length of a sample.
    pub(crate) sample: Duration,
}

impl Plan {
    pub(crate) const FULL: Self = Self { samples: 61, sample: Duration::from_micros(2_500) };
    /// Enough to check that everything runs.
    pub(crate) const QUICK: Self = Self { samples: 5, sample: Duration::from_micros(400) };
}

/// Time of one operation, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    pub(crate) median: f64,
    /// Median absolute deviation: half of the samples differ from the median by at most this much.
    pub(crate) spread: f64,
    /// True if too few samples were undisturbed, so that the figures are processor times.
    pub(crate) disturbed: bool,
}

/// Measures all contenders in turns, each on `threads` threads at the same time.
///
/// The cost is the time of an operation on one of the threads.
pub(crate) fn measure_interleaved(
    contenders: &[Contender],
    threads: usize,
    plan: Plan,
) -> Vec<Option<Cost>> {
    // The shorter a sample, the likelier all of its threads have a processor throughout.
    let length = plan.sample / u32::try_from(threads).expect("the number of threads is small");
    let barrier = Barrier::new(threads);
    thread::scope(|scope| {
        let workers = (0..threads).map(|number| {
            let (order, orders) = channel();
            let (report, reports) = channel();
            let barrier = &barrier;
            scope.spawn(move || {
                if threads > 1 {
                    pin_to_processor(number);
                }
                take_samples(contenders, barrier, &orders, &report);
            });
            (order, reports)
        });
        let mut threads = WorkerThreads(workers.collect());
        let calls: Vec<u64> =
            (0..contenders.len()).map(|index| threads.calibrate(index, length)).collect();
        let mut samples: Vec<_> = contenders.iter().map(|_| Samples::default()).collect();
        for _ in 0..plan.samples * MAX_ATTEMPTS {
            for (index, samples) in samples.iter_mut().enumerate() {
                if samples.undisturbed.len() < plan.samples {
                    let sample = threads.sample(index, calls[index]);
                    samples.add(&sample, contenders[index].operations(calls[index]));
                }
            }
            peers::upkeep();
        }
        samples.into_iter().map(|samples| samples.cost(plan)).collect()
    })
}

/// One thread's part of a sample.
struct ThreadSample {
    started: Instant,
    ended: Instant,
    /// Time for which the thread had a processor.
    processor_time: Duration,
}

impl ThreadSample {
    fn wall_time(&self) -> Duration {
        self.ended - self.started
    }
}

/// A request for a sample: the contender's index and the number of calls.
struct SampleOrder {
    index: usize,
    calls: u64,
}

/// Takes samples on one thread until the orders end.
fn take_samples(
    contenders: &[Contender],
    barrier: &Barrier,
    orders: &Receiver<SampleOrder>,
    report: &Sender<ThreadSample>,
) {
    let mut workers: Vec<Worker> = contenders.iter().map(Contender::worker).collect();
    for SampleOrder { index, calls } in orders {
        // The other contenders have filled the caches since this contender's last turn.
        workers[index](calls.div_ceil(2));
        barrier.wait();
        let time_before = thread_processor_time();
        let started = Instant::now();
        workers[index](calls);
        let ended = Instant::now();
        let processor_time = thread_processor_time().saturating_sub(time_before);
        let sample = ThreadSample { started, ended, processor_time };
        report.send(sample).expect("the main thread waits for every report");
    }
}

/// Pins this thread to one processor, so that two threads do not share a processor.
///
/// Ignores errors: samples of threads that share a processor count as disturbed.
fn pin_to_processor(number: usize) {
    let Ok(allowed) = sched_getaffinity(None) else { return };
    let mut processors = (0..CpuSet::MAX_CPU).filter(|processor| allowed.is_set(*processor));
    if let Some(processor) = processors.nth(number) {
        let mut own = CpuSet::new();
        own.set(processor);
        let _ = sched_setaffinity(None, &own);
    }
}

/// Returns the processor time of this thread.
fn thread_processor_time() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().expect("the processor time is not negative")
}

/// The threads that take samples at the same time.
struct WorkerThreads(Vec<(Sender<SampleOrder>, Receiver<ThreadSample>)>);

impl WorkerThreads {
    /// Takes one sample on all threads.
    fn sample(&mut self, index: usize, calls: u64) -> Vec<ThreadSample> {
        for (order, _) in &self.0 {
            order.send(SampleOrder { index, calls }).expect("the thread waits for orders");
        }
        let receive =
            |reports: &Receiver<ThreadSample>| reports.recv().expect("a contender does not panic");
        self.0.iter().map(|(_, reports)| receive(reports)).collect()
    }

    /// Returns the number of calls that make a sample of this length.
    ///
    /// The search also warms the contender up.
    fn calibrate(&mut self, index: usize, length: Duration) -> u64 {
        let mut calls = 1;
        loop {
            let sample = self.sample(index, calls);
            let shortest = sample.iter().map(ThreadSample::wall_time).min().unwrap_or_default();
            if shortest >= length {
                return calls;
            }
            assert!(
                calls < 1 << 32,
                "the contender takes no time: the compiler has removed its code"
            );
            calls *= if shortest * 4 < length { 4 } else { 2 };
        }
    }
}

/// Nanoseconds per operation, one value per sample.
#[derive(Default)]
struct Samples {
    /// Wall times of the undisturbed samples.
    undisturbed: Vec<f64>,
    /// Processor times of all samples with a single thread.
    processor_times: Vec<f64>,
}

impl Samples {
    fn add(&mut self, sample: &[ThreadSample], operations: f64) {
        let cost = |time: Duration| time.as_secs_f64() * 1e9 / operations;
        if is_undisturbed(sample) {
            let sum: f64 = sample.iter().map(|thread| cost(thread.wall_time())).sum();
            self.undisturbed.push(sum / to_f64(sample.len() as u64));
        }
        if let [thread] = sample {
            self.processor_times.push(cost(thread.processor_time));
        }
    }

    fn cost(self, plan: Plan) -> Option<Cost> {
        let disturbed = self.undisturbed.len() * MAX_SAMPLES_PER_UNDISTURBED < plan.samples;
        let samples = if disturbed { self.processor_times } else { self.undisturbed };
        let median = median(samples.iter().copied())?;
        let spread = self::median(samples.iter().map(|sample| (sample - median).abs()))?;
        Some(Cost { median, spread, disturbed })
    }
}

fn is_undisturbed(sample: &[ThreadSample]) -> bool {
    let had_processor = |thread: &ThreadSample| {
        thread.processor_time.as_secs_f64()
            >= MIN_PROCESSOR_SHARE * thread.wall_time().as_secs_f64()
    };
    let last_start = sample.iter().map(|thread| thread.started).max();
    let first_end = sample.iter().map(|thread| thread.ended).min();
    let longest = sample.iter().map(ThreadSample::wall_time).max().unwrap_or_default();
    let overlap =
        last_start.zip(first_end).map(|(start, end)| end.saturating_duration_since(start));
    sample.iter().all(had_processor)
        && overlap.unwrap_or_default().as_secs_f64() >= MIN_OVERLAP * longest.as_secs_f64()
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// Converts a count to a floating-point number.
#[expect(clippy::cast_precision_loss, reason = "the counts are far below 2^53")]
pub(crate) fn to_f64(count: u64) -> f64 {
    count as f64
}
