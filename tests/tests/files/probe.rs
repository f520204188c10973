//! What a test hears of the writing.

use std::fs::{self, File};
use std::path::Path;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, SystemTime};

use prometheus::core::{Collector, Desc};
use prometheus::{IntCounter, IntGauge, proto};
use streamgauge::Metrics;
use streamgauge_test_support::Scrape;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A collector that does as a test tells it whenever the metrics are read.
struct Probe<F> {
    gauge: IntGauge,
    reading: F,
}

impl<F: Fn() + Send + Sync> Collector for Probe<F> {
    fn desc(&self) -> Vec<&Desc> {
        self.gauge.desc()
    }

    fn collect(&self) -> Vec<proto::MetricFamily> {
        (self.reading)();
        self.gauge.collect()
    }
}

/// An instance that nothing else in the process records into. Its page has a sample.
pub(crate) fn metrics() -> Metrics {
    let build = [("version", "1.2.3")];
    Metrics::builder().build_info(build).build().expect("the settings are valid")
}

/// Does something whenever the metrics are read.
pub(crate) fn when_read(metrics: &Metrics, reading: impl Fn() + Send + Sync + 'static) {
    let gauge = IntGauge::new("probe", "Of the test.").expect("a name");
    metrics.registry().register(Box::new(Probe { gauge, reading })).expect("it is the first");
}

/// The beginnings of writes: a writer that begins one has done with the one before.
pub(crate) struct Writes(Receiver<()>);

impl Writes {
    pub(crate) fn of(metrics: &Metrics) -> Self {
        let (read, reads) = mpsc::channel();
        // The test may no longer listen.
        when_read(metrics, move || {
            let _ = read.send(());
        });
        Self(reads)
    }

    /// Waits for the next.
    pub(crate) fn begin(&self) {
        self.0.recv_timeout(PATIENCE).expect("a write begins");
    }

    /// Waits for a write that has begun from now on to be done. The first to be heard of may have begun before.
    pub(crate) fn pass(&self) {
        while self.0.try_recv().is_ok() {}
        self.begin();
        self.begin();
        self.begin();
    }

    /// Waits for the end of whoever writes, who begins no further write.
    pub(crate) fn end(self) {
        let end = self.0.recv_timeout(PATIENCE);
        assert_eq!(end, Err(mpsc::RecvTimeoutError::Disconnected));
    }
}

/// A counter of the test's own on the page.
pub(crate) fn counter(metrics: &Metrics) -> IntCounter {
    let counter = IntCounter::new("own_total", "Of the test.").expect("a name");
    metrics.registry().register(Box::new(counter.clone())).expect("it is new");
    counter
}

/// Reads a file, which must be whole.
pub(crate) fn read(path: &Path) -> Scrape {
    let text = fs::read_to_string(path).expect("the file is there");
    assert!(text.ends_with('\n'), "the last line ends");
    Scrape::parse(&text)
}

/// Sets the modification time of a file back by five minutes, the age at which leftovers are removed.
pub(crate) fn age(path: &Path) {
    let file = File::options().write(true).open(path).expect("the file is there");
    let then = SystemTime::now() - Duration::from_secs(300);
    file.set_modified(then).expect("the file is ours");
}

/// The names in a directory.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("it is a directory");
    let mut names: Vec<_> = entries
        .map(|entry| entry.expect("it is read").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
