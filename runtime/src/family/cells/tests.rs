//! Tests with small stores of their own, and of the lease that a thread has.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Barrier};
use std::thread;

use super::super::handle::{OverflowCounters, SeriesHandle};
use super::super::primitives::{Counter, Primitive, to_f64};
use super::super::snapshot::SeriesValue;
use super::block::{Cells, Segment};
use super::store::{MAX_CELLS, SEGMENT_CELLS, Store};
use super::{BLOCK, CounterCells, GaugeCells, HistogramCells, recording};

/// Miri takes about a thousand times as long as the processor, and finds a data race or an invalid
/// access in a few rounds.
const fn rounds(rounds: u64) -> u64 {
    if cfg!(miri) { rounds.div_ceil(200) } else { rounds }
}

/// Adds to the first cell of a series, as a thread that lives only for this addition.
fn add_as_new_thread(store: &Store, cells: Cells, amount: u64) {
    let slot = store.lease();
    match slot.and_then(|slot| store.block(slot)) {
        Some(block) => block.run(cells).add(0, amount, Relaxed),
        None => store.with_overflow_block(&|block| block.run(cells).add(0, amount, Relaxed)),
    }
    if let Some(slot) = slot {
        store.give_back(slot);
    }
}

#[test]
fn slot_is_leased_again_with_the_counts_of_earlier_threads() {
    let store = Store::new(4);
    let cells = store.allocate(1);
    for _ in 0..100 {
        add_as_new_thread(&store, cells, 3);
    }
    assert_eq!(store.sum(cells, 0, Relaxed), 300);
    assert_eq!(store.runs(cells).count(), 1, "threads that follow each other share a slot");
}

#[test]
fn slot_is_leased_to_one_thread_at_a_time() {
    let store = Store::new(2);
    let (first, second) = (store.lease(), store.lease());
    assert_eq!((first, second, store.lease()), (Some(0), Some(1), None));
    store.give_back(1);
    assert_eq!((store.lease(), store.lease()), (Some(1), None));
}

#[test]
fn threads_beyond_the_slots_lose_no_addition() {
    let store = Store::new(2);
    let cells = store.allocate(1);
    let all_have_started = Barrier::new(8);
    thread::scope(|threads| {
        for _ in 0..8 {
            threads.spawn(|| {
                let slot = store.lease();
                all_have_started.wait();
                for _ in 0..rounds(10_000) {
                    let add = |block: &super::Block| block.run(cells).add(0, 1, Relaxed);
                    match slot.and_then(|slot| store.block(slot)) {
                        Some(block) => add(block),
                        None => store.with_overflow_block(&add),
                    }
                }
            });
        }
    });
    assert_eq!(store.sum(cells, 0, Relaxed), 8 * rounds(10_000));
}

#[test]
fn runs_of_any_length_never_overlap() {
    let store = Store::new(1);
    let block = store.lease().and_then(|slot| store.block(slot)).expect("the slot is free");
    let lengths = [1, 3, 20, 511, 1, 512, 2, 513, 1, 20, 5_000, 3, 300, 300];
    let all: Vec<_> = lengths.iter().map(|len| (store.allocate(*len), *len)).collect();
    // Miri is too slow for each cell.
    let step = if cfg!(miri) { 150 } else { 1 };
    let indices = |len: &usize| (0..*len).rev().step_by(step);
    for (cells, len) in &all {
        for index in indices(len) {
            block.run(*cells).add(index, 1, Relaxed);
        }
    }
    for (cells, len) in &all {
        assert!(indices(len).all(|index| store.sum(*cells, index, Relaxed) == 1), "{cells:?}");
    }
    let segments: BTreeSet<_> = all.iter().map(|(cells, _)| cells.segment).collect();
    assert!(segments.len() > 4, "the runs lie in several segments: {segments:?}");
}

#[test]
fn segments_are_allocated_only_for_series_that_are_recorded() {
    let store = Store::new(1);
    let (used, unused) = (store.allocate(1), store.allocate(SEGMENT_CELLS));
    add_as_new_thread(&store, used, 1);
    assert_eq!((store.runs(used).count(), store.runs(unused).count()), (1, 0));
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes under Miri, which initializes half a million cells")]
fn largest_run_has_all_its_cells() {
    let store = Store::new(1);
    let cells = store.allocate(MAX_CELLS);
    store.with_overflow_block(&|block| block.run(cells).add(MAX_CELLS - 1, 7, Relaxed));
    assert_eq!(store.sum(cells, MAX_CELLS - 1, Relaxed), 7);
}

#[test]
fn cells_stay_at_the_maximum_rather_than_wrap() {
    let store = Store::new(2);
    let cells = store.allocate(1);
    let slots = [store.lease(), store.lease()];
    for block in slots.into_iter().flatten().filter_map(|slot| store.block(slot)) {
        for _ in 0..3 {
            block.run(cells).add(0, u64::MAX / 2, Relaxed);
        }
        assert_eq!(store.sum(cells, 0, Relaxed), u64::MAX);
    }
}

#[test]
fn values_of_threads_that_have_ended_are_counted() {
    let counter = CounterCells::new();
    for _ in 0..20 {
        thread::scope(|threads| {
            for _ in 0..10 {
                threads.spawn(|| counter.add(1));
            }
        });
    }
    assert_eq!(counter.value(), 200);
}

/// Adds one to a counter, this number of times in each of 600 threads (fewer under Miri), of which
/// sixteen run at a time. Each of them ends before the next one starts.
fn additions_of_600_threads(additions: u64) {
    let all = if cfg!(miri) { 32 } else { 600 };
    let counter = CounterCells::new();
    let started = AtomicU64::new(0);
    thread::scope(|threads| {
        for _ in 0..16 {
            threads.spawn(|| {
                while started.fetch_add(1, Relaxed) < all {
                    let short_lived = thread::spawn(move || {
                        for _ in 0..additions {
                            counter.add(1);
                        }
                    });
                    short_lived.join().expect("the thread does not panic");
                }
            });
        }
    });
    assert_eq!(counter.value(), all * additions);
}

#[test]
fn additions_of_short_lived_threads_are_all_counted() {
    additions_of_600_threads(rounds(1_000));
}

/// The stage `models` of `.ci/run` runs it in release mode.
#[test]
#[ignore = "takes minutes without optimization"]
fn billion_additions_of_short_lived_threads_are_all_counted() {
    additions_of_600_threads(1_666_667);
}

/// Runs `record` in two destructors of a thread that has a writer slot. One destructor runs before
/// that of the lease, and one after it, in whatever order the platform calls them, so that one call
/// is without a slot.
fn record_in_destructors_of_a_thread(record: impl Fn() + Send + Sync + 'static) {
    struct RecordAtTheEnd(Option<Arc<dyn Fn()>>);
    impl Drop for RecordAtTheEnd {
        fn drop(&mut self) {
            if let Some(record) = &self.0 {
                record();
            }
        }
    }
    thread_local! {
        static BEFORE: RefCell<RecordAtTheEnd> = const { RefCell::new(RecordAtTheEnd(None)) };
        static AFTER: RefCell<RecordAtTheEnd> = const { RefCell::new(RecordAtTheEnd(None)) };
    }
    let thread = thread::spawn(move || {
        let record: Arc<dyn Fn()> = Arc::new(record);
        BEFORE.with_borrow_mut(|at_end| at_end.0 = Some(Arc::clone(&record)));
        // Leases the slot.
        CounterCells::new().add(1);
        AFTER.with_borrow_mut(|at_end| at_end.0 = Some(record));
    });
    thread.join().expect("the thread does not panic");
}

#[test]
fn values_recorded_by_a_destructor_of_a_thread_are_counted() {
    let (counter, histogram) = (CounterCells::new(), HistogramCells::new(2));
    record_in_destructors_of_a_thread(move || {
        counter.add(1);
        histogram.add(1, 2, 5.0);
    });
    let mut counts = [0; 2];
    assert_eq!((counter.value(), histogram.read(&mut counts)), (2, 10.0));
    assert_eq!(counts, [0, 4]);
}

fn value(counter: Counter) -> u64 {
    let mut count = None;
    counter.read(|value| {
        if let SeriesValue::Counter(value) = value {
            count = Some(value);
        }
    });
    count.expect("it is a counter")
}

#[test]
fn overflow_recorded_without_a_writer_slot_is_counted() {
    let (primitive, overflow) = (Counter::new(()), Counter::new(()));
    let counters = OverflowCounters::new([("model".into(), overflow)].into_iter());
    let series = SeriesHandle { primitive, overflow: Some(Box::leak(Box::new(counters))) };
    let without_slot = Arc::new(AtomicU64::new(0));
    let calls_without_slot = Arc::clone(&without_slot);
    record_in_destructors_of_a_thread(move || {
        recording(|writer| series.add_with(writer, 3));
        series.add(4);
        if BLOCK.get().is_none() {
            calls_without_slot.fetch_add(1, Relaxed);
        }
    });
    assert_eq!(without_slot.load(Relaxed), 1, "one of two destructors runs without a slot");
    assert_eq!((value(primitive), value(overflow)), (14, 4));
}

#[test]
fn gauge_that_falls_on_another_thread_is_zero() {
    let gauge = GaugeCells::new();
    gauge.rise();
    assert_eq!(gauge.value(), 1);
    thread::scope(|threads| threads.spawn(|| gauge.fall()).join().expect("no panic"));
    assert_eq!(gauge.value(), 0);
}

#[test]
fn histogram_with_more_buckets_than_a_segment_has_cells_counts_in_each() {
    let histogram = HistogramCells::new(2_000);
    for bucket in [0, 511, 512, 1_999] {
        histogram.add(bucket, 1, 1.0);
    }
    let mut counts = vec![0; 2_000];
    let sum = histogram.read(&mut counts);
    assert_eq!((sum, counts.iter().sum::<u64>()), (4.0, 4));
    assert_eq!((counts[0], counts[511], counts[512], counts[1_999]), (1, 1, 1, 1));
}

#[test]
fn histogram_sum_and_counts_belong_together_while_four_threads_record_without_pause() {
    let histogram = HistogramCells::new(3);
    let is_over = AtomicBool::new(false);
    thread::scope(|threads| {
        for writer in 0..4 {
            let is_over = &is_over;
            threads.spawn(move || {
                while !is_over.load(Relaxed) {
                    histogram.add(writer % 3, 1, 7.0);
                }
            });
        }
        let _stop = StopOnDrop(&is_over);
        let mut last = 0;
        for _ in 0..rounds(10_000) {
            let mut counts = [0; 3];
            let sum = histogram.read(&mut counts);
            let count = counts.iter().sum::<u64>();
            assert_eq!((count, sum), (count, to_f64(count * 7)));
            assert!(count >= last, "{count} after {last}");
            last = count;
        }
    });
}

/// Ends the writers of a test also if the test fails.
struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

#[test]
fn histogram_is_read_while_a_thread_has_stopped_in_the_middle_of_a_write() {
    let store = Store::new(1);
    let cells = store.allocate(2);
    let block = store.lease().and_then(|slot| store.block(slot)).expect("the slot is free");
    block.write_together(Segment::NONE, |writer| {
        let run = writer.run(cells);
        run.add(1, 1, Relaxed);
        let mut copied = Vec::new();
        for _ in 0..rounds(10_000) {
            store.copy_each(cells, &mut [0; 2], |copy| copied.push(copy[1]));
        }
        assert!(copied.iter().all(|count| *count == 1));
        assert_eq!(copied.len() as u64, rounds(10_000));
    });
}
