//! Models of the storage of numbers: `loom` runs each one with all interleavings of its threads and
//! all values that the memory orderings allow a load to return.
//!
//! ```sh
//! cargo test --manifest-path tests/models/Cargo.toml
//! ```
//!
//! The files of the storage are compiled as they are. Only the types in `sync` differ. Readers that
//! divert a writer, and the leases of real threads, are left to the unit tests.

#![cfg(test)]
// The models do not use all of the storage.
#![expect(dead_code)]

#[path = "../../../runtime/src/family/cells/block.rs"]
mod block;
#[path = "../../../runtime/src/family/cells/gauge.rs"]
mod gauge;
#[path = "../../../runtime/src/family/cells/store.rs"]
mod store;
mod sync;

use loom::sync::Arc;
use loom::thread;

use self::block::{Block, Cells, Segment};
use self::store::Store;
use self::sync::Ordering::Relaxed;

/// Runs a model with up to `preemptions` moments at which a thread is interrupted.
fn check(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}

/// Returns the block of a slot that is leased now.
fn leased(store: &Store) -> (usize, &Block) {
    let slot = store.lease().expect("a slot is free");
    (slot, store.block(slot).expect("the slot was leased"))
}

/// Leases a slot, adds one to the first cell of a series, and returns the slot.
fn add_as_thread(store: &Store, cells: Cells) {
    let slot = store.lease();
    match slot.and_then(|slot| store.block(slot)) {
        Some(block) => block.run(cells).add(0, 1, Relaxed),
        None => store.with_overflow_block(&|block| block.run(cells).add(0, 1, Relaxed)),
    }
    if let Some(slot) = slot {
        store.give_back(slot);
    }
}

#[test]
fn slot_that_passes_from_thread_to_thread_loses_no_addition() {
    check(3, || {
        let store = Arc::new(Store::new(1));
        let cells = store.allocate(1);
        add_as_thread(&store, cells);
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let store = Arc::clone(&store);
                thread::spawn(move || add_as_thread(&store, cells))
            })
            .collect();
        for thread in threads {
            thread.join().expect("the thread does not panic");
        }
        assert_eq!(store.sum(cells, 0, Relaxed), 3);
    });
}

#[test]
fn histogram_is_copied_as_a_write_left_it() {
    check(3, || {
        let store = Arc::new(Store::new(1));
        let cells = store.allocate(2);
        // The segment exists, so that the reader looks at it.
        let (slot, block) = leased(&store);
        block.run(cells);
        let writer = {
            let store = Arc::clone(&store);
            thread::spawn(move || {
                let block = store.block(slot).expect("the slot was leased");
                for _ in 0..2 {
                    block.write_together(Segment::NONE, |writer| {
                        let run = writer.run(cells);
                        run.add_float(0, 7.0);
                        run.add(1, 1, Relaxed);
                    });
                }
            })
        };
        let run = block.find(cells).expect("the segment exists");
        let mut copy = [0; 2];
        if block.try_copy(run, &mut copy) {
            let [sum, count] = copy;
            #[expect(clippy::cast_precision_loss, reason = "the count is at most 2")]
            let expected = count as f64 * 7.0;
            assert_eq!((count, f64::from_bits(sum)), (count, expected));
        }
        writer.join().expect("the thread does not panic");
        assert!(block.try_copy(run, &mut copy));
        assert_eq!(copy[1], 2);
    });
}

#[test]
fn histogram_in_an_overflow_block_is_copied_as_a_write_left_it() {
    check(2, || {
        let store = Arc::new(Store::new(0));
        let cells = store.allocate(2);
        store.with_overflow_block(&|block| {
            block.run(cells);
        });
        let writer = {
            let store = Arc::clone(&store);
            thread::spawn(move || {
                store.with_overflow_block(&|block| {
                    block.write_together(Segment::NONE, |writer| {
                        let run = writer.run(cells);
                        run.add(0, 1, Relaxed);
                        run.add(1, 1, Relaxed);
                    });
                });
            })
        };
        store.copy_each(cells, &mut [0; 2], |copy| assert_eq!(copy[0], copy[1]));
        writer.join().expect("the thread does not panic");
    });
}

#[test]
fn gauge_that_falls_on_another_thread_is_never_negative_or_above_its_maximum() {
    check(2, || {
        let store = Arc::new(Store::new(2));
        let cells = store.allocate(gauge::LEN);
        let slots = [leased(&store).0, leased(&store).0];
        for slot in slots {
            store.block(slot).expect("the slot was leased").run(cells);
        }
        // One thread rises, and tells the other one, which falls: twice, one after the other.
        let rises = {
            let store = Arc::clone(&store);
            thread::spawn(move || {
                gauge::rise(store.block(slots[0]).expect("the slot was leased").run(cells));
            })
        };
        let falls = {
            let store = Arc::clone(&store);
            thread::spawn(move || {
                rises.join().expect("the thread does not panic");
                let block = store.block(slots[1]).expect("the slot was leased");
                gauge::fall(block.run(cells));
                gauge::rise(block.run(cells));
                gauge::fall(block.run(cells));
            })
        };
        let value = gauge::value(&store, cells);
        assert!(value <= 1, "{value}: the gauge was never below 0 or above 1");
        falls.join().expect("the thread does not panic");
        assert_eq!(gauge::value(&store, cells), 0);
    });
}
