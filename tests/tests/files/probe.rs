//! Observes when a writer collects the metrics, and reads the files that it writes.

use std::error::Error;
use std::fs::{self, File};
use std::iter;
use std::path::Path;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, SystemTime};

use prometheus::core::{Collector, Desc};
use prometheus::{IntCounter, IntGauge, proto};
use streamgauge::Metrics;
use streamgauge_test_support::Scrape;

/// Longer than any wait of a passing test.
const DEADLINE: Duration = Duration::from_secs(60);

/// A collector that calls a function of the test on every collection.
struct Probe<F> {
    gauge: IntGauge,
    on_collect: F,
}

impl<F: Fn() + Send + Sync> Collector for Probe<F> {
    fn desc(&self) -> Vec<&Desc> {
        self.gauge.desc()
    }

    fn collect(&self) -> Vec<proto::MetricFamily> {
        (self.on_collect)();
        self.gauge.collect()
    }
}

/// Builds an instance of the test's own, whose page has one sample.
pub(crate) fn metrics() -> Metrics {
    let build = [("version", "1.2.3")];
    Metrics::builder().build_info(build).build().expect("the settings are valid")
}

/// Calls a function whenever the metrics are collected.
pub(crate) fn on_collect(metrics: &Metrics, on_collect: impl Fn() + Send + Sync + 'static) {
    let gauge = IntGauge::new("probe", "Of the test.").expect("the name is valid");
    metrics
        .registry()
        .register(Box::new(Probe { gauge, on_collect }))
        .expect("no other subscriber is set");
}

/// Receives a message at the start of each write, by which time the previous write is done.
pub(crate) struct Writes(Receiver<()>);

impl Writes {
    pub(crate) fn of(metrics: &Metrics) -> Self {
        let (sender, receiver) = mpsc::channel();
        on_collect(metrics, move || {
            // Fails after the test has dropped the receiver.
            let _ = sender.send(());
        });
        Self(receiver)
    }

    /// Waits for the start of the next write.
    pub(crate) fn wait_for_start(&self) {
        self.0.recv_timeout(DEADLINE).expect("a write starts");
    }

    /// Waits until a write that starts after this call is done: the first message may be of a write
    /// that has started before.
    pub(crate) fn wait_for_write(&self) {
        while self.0.try_recv().is_ok() {}
        self.wait_for_start();
        self.wait_for_start();
        self.wait_for_start();
    }

    /// Waits until the writer has ended, and asserts that it starts no further write.
    pub(crate) fn assert_ended(self) {
        let end = self.0.recv_timeout(DEADLINE);
        assert_eq!(end, Err(mpsc::RecvTimeoutError::Disconnected));
    }
}

/// Registers a counter of the test's own.
pub(crate) fn counter(metrics: &Metrics) -> IntCounter {
    let counter = IntCounter::new("own_total", "Of the test.").expect("the name is valid");
    metrics.registry().register(Box::new(counter.clone())).expect("the name is unused");
    counter
}

/// Reads a file and asserts that it is a complete page.
pub(crate) fn read(path: &Path) -> Scrape {
    let text = fs::read_to_string(path).expect("the file exists");
    assert!(text.ends_with('\n'), "the last line has a newline");
    Scrape::parse(&text)
}

/// Sets the modification time of a file back by five minutes, the age at which leftovers are
/// removed.
pub(crate) fn age(path: &Path) {
    let file = File::options().write(true).open(path).expect("the file exists");
    let then = SystemTime::now() - Duration::from_secs(300);
    file.set_modified(then).expect("the file belongs to this user");
}

/// Returns the sorted file names of a directory.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("the path is a directory");
    let mut names: Vec<_> = entries
        .map(|entry| {
            entry.expect("the entry can be read").file_name().to_string_lossy().into_owned()
        })
        .collect();
    names.sort();
    names
}

/// The messages of an error and of its sources.
pub(crate) fn error_chain(error: &dyn Error) -> String {
    let errors = iter::successors(Some(error), |&error| error.source());
    errors.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
