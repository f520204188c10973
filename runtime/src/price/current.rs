//! The prices that an instance has now, which may be replaced while calls are recorded.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

use parking_lot::RwLock;

use super::{CallPrice, PriceMap};

/// The number of the last version of prices of any instance. Zero means no version.
static LAST_VERSION: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// The version that this thread used last. A thread therefore takes the lock of an instance
    /// once after each change, and not for each call: the lock and the reference count are memory
    /// that all threads would write to.
    static USED: RefCell<Option<Arc<Version>>> = const { RefCell::new(None) };
}

/// The current prices of an instance.
#[derive(Default)]
pub(crate) struct CurrentPrices {
    /// The number of the current version, or zero if the instance has never had a price.
    number: AtomicU64,
    version: RwLock<Arc<Version>>,
}

/// Prices, with a number that no other prices in the process have.
#[derive(Default)]
struct Version {
    number: u64,
    prices: PriceMap,
}

impl CurrentPrices {
    /// Returns whether the instance has, or has had, a price. If not, it records no cost.
    pub(crate) fn are_used(&self) -> bool {
        self.number.load(Acquire) != 0
    }

    /// Returns whether a model has a price.
    pub(crate) fn has(&self, model: &str) -> bool {
        self.are_used() && self.read(|prices| prices.get(model).is_some())
    }

    /// Returns the prices of a call, or `None` if the model has no price.
    pub(crate) fn for_call(
        &self,
        model: &str,
        input_tokens: u64,
        service_tier: Option<&str>,
    ) -> Option<CallPrice> {
        self.read(|prices| Some(prices.get(model)?.for_call(input_tokens, service_tier)))
    }

    /// Replaces all prices. Calls that are recorded afterwards use the new ones. If they are the
    /// first prices of the instance, calls `prepare` before that.
    ///
    /// # Errors
    ///
    /// The error of `prepare`. The prices are unchanged then.
    pub(crate) fn replace<E>(
        &self,
        prices: PriceMap,
        prepare: impl FnOnce() -> Result<(), E>,
    ) -> Result<(), E> {
        // Two replacements take turns, so that only one of them prepares.
        let mut version = self.version.write();
        if !self.are_used() {
            if prices.is_empty() {
                return Ok(());
            }
            prepare()?;
        }
        let number = LAST_VERSION.fetch_add(1, Relaxed) + 1;
        *version = Arc::new(Version { number, prices });
        // A thread that loads this number finds the version, or a later one.
        self.number.store(number, Release);
        Ok(())
    }

    /// Calls `f` with the current prices. `f` must not record anything.
    fn read<R>(&self, f: impl Fn(&PriceMap) -> R) -> R {
        let number = self.number.load(Acquire);
        let with_used = |used: &RefCell<Option<Arc<Version>>>| {
            let mut used = used.borrow_mut();
            let version = match used.take() {
                Some(version) if version.number == number => version,
                _ => Arc::clone(&self.version.read()),
            };
            f(&used.insert(version).prices)
        };
        // A thread that is ending, and has dropped its version, takes the lock.
        USED.try_with(with_used).unwrap_or_else(|_| f(&self.version.read().prices))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::convert::Infallible;

    use super::*;
    use crate::price::Price;

    fn replace(current: &CurrentPrices, models: &[&str]) {
        let price = || Price::per_million(1.0, 1.0);
        let prices: HashMap<_, _> = models.iter().map(|&model| (model.into(), price())).collect();
        let replaced = current.replace(PriceMap::new(prices), || Ok::<_, Infallible>(()));
        assert_eq!(replaced, Ok(()));
    }

    #[test]
    fn replaced_prices_are_used_on_each_thread() {
        let current = CurrentPrices::default();
        let (ask, asked) = std::sync::mpsc::channel::<&str>();
        let (answer, answers) = std::sync::mpsc::channel();
        std::thread::scope(|threads| {
            threads.spawn(|| {
                for model in asked {
                    answer.send(current.has(model)).expect("the test waits for the answer");
                }
            });
            let has = |model| {
                ask.send(model).expect("the thread runs");
                let elsewhere = answers.recv().expect("the thread answers");
                assert_eq!(current.has(model), elsewhere, "{model}");
                elsewhere
            };
            assert!(!has("large-1"));
            replace(&current, &["large-1"]);
            assert!(has("large-1") && !has("large-2"));
            replace(&current, &["large-2"]);
            assert!(!has("large-1") && has("large-2"));
            replace(&current, &[]);
            assert!(!has("large-2") && current.are_used());
            drop(ask);
        });
    }

    #[test]
    fn prices_of_two_instances_on_one_thread_stay_apart() {
        let (first, second) = (CurrentPrices::default(), CurrentPrices::default());
        replace(&first, &["large-1"]);
        replace(&second, &["small-1"]);
        for _ in 0..3 {
            assert!(first.has("large-1") && !first.has("small-1"));
            assert!(!second.has("large-1") && second.has("small-1"));
        }
    }

    #[test]
    fn empty_prices_do_not_enable_cost() {
        let current = CurrentPrices::default();
        replace(&current, &[]);
        assert!(!current.are_used());
    }

    #[test]
    fn failed_preparation_keeps_the_prices() {
        let current = CurrentPrices::default();
        let prices = HashMap::from([("a".into(), Price::per_million(1.0, 1.0))]);
        assert_eq!(current.replace(PriceMap::new(prices), || Err("taken")), Err("taken"));
        assert!(!current.are_used() && !current.has("a"));
        replace(&current, &["a"]);
        assert!(current.has("a"));
        let prepare_again = || -> Result<(), &str> { Err("prepared twice") };
        assert_eq!(current.replace(PriceMap::default(), prepare_again), Ok(()));
    }
}
