//! Contenders in turns: short samples, many of them, and their median.

use std::time::{Duration, Instant};

/// How long one sample lasts, about.
const SAMPLE: Duration = Duration::from_millis(3);
/// How many samples each contender has.
const ROUNDS: usize = 101;

/// Something to be measured.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    operation: Box<dyn FnMut()>,
    samples: Vec<f64>,
}

/// Nanoseconds an operation took.
pub(crate) struct Cost {
    pub(crate) median: f64,
    /// Half of all samples lie within this much of the median.
    pub(crate) spread: f64,
}

impl Contender {
    pub(crate) fn new(name: &'static str, operation: impl FnMut() + 'static) -> Self {
        Self { name, operation: Box::new(operation), samples: Vec::with_capacity(ROUNDS) }
    }

    /// Nanoseconds an operation, over `repeat` operations.
    fn sample(&mut self, repeat: u32) -> f64 {
        let start = Instant::now();
        for _ in 0..repeat {
            (self.operation)();
        }
        start.elapsed().as_secs_f64() * 1e9 / f64::from(repeat)
    }

    pub(crate) fn cost(&self) -> Cost {
        let median = median(self.samples.clone());
        let spread = median_of(self.samples.iter().map(|sample| (sample - median).abs()));
        Cost { median, spread }
    }
}

/// Measures all contenders in turns.
pub(crate) fn in_turns(contenders: &mut [Contender]) {
    let repeats: Vec<u32> = contenders.iter_mut().map(repeats).collect();
    for _ in 0..ROUNDS {
        for (contender, repeat) in contenders.iter_mut().zip(&repeats) {
            let sample = contender.sample(*repeat);
            contender.samples.push(sample);
        }
    }
}

/// How often an operation fits into a sample, found by doubling; this warms it up as well.
fn repeats(contender: &mut Contender) -> u32 {
    let mut repeat = 1;
    while contender.sample(repeat) * f64::from(repeat) < SAMPLE.as_secs_f64() * 1e9 {
        repeat *= 2;
    }
    repeat
}

fn median_of(values: impl Iterator<Item = f64>) -> f64 {
    median(values.collect())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
