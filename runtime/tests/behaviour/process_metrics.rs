//! Metrics of the process, which are recorded only if they are enabled.

#![cfg(target_os = "linux")]

use std::fs::File;
use std::thread;

use prometheus::Registry;
use prometheus::process_collector::ProcessCollector;
use streamgauge::{BuildError, Metrics};
use streamgauge_test_support::{Scrape, page_of};

const NAMES: [&str; 7] = [
    "process_cpu_seconds_total",
    "process_max_fds",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "process_threads",
    "process_virtual_memory_bytes",
];

#[test]
fn process_metrics_have_their_standard_names_and_the_constant_labels() {
    let metrics = Metrics::builder()
        .prefix("shop")
        .label("zone", "b")
        .label("region", "eu")
        .process_metrics()
        .build()
        .expect("valid");
    let page = page_of(&metrics);
    let scrape = Scrape::parse(&page);
    for name in NAMES {
        assert_eq!(scrape.count(name, &[("zone", "b"), ("region", "eu")]), 1, "{name}");
        assert!(page.contains(&format!("\n{name}{{region=\"eu\",zone=\"b\"}} ")), "{page}");
    }
    for name in ["process_resident_memory_bytes", "process_threads", "process_max_fds"] {
        assert!(scrape.amount(name, &[]) > 0.0, "{name}");
    }
    assert!(page.contains("# TYPE process_cpu_seconds_total counter\n"), "{page}");
}

#[test]
fn process_metrics_are_current() {
    let metrics = Metrics::builder().process_metrics().build().expect("valid");
    // Other tests open and close files at the same time, but not as many.
    let open = || Scrape::of(&metrics).sum("process_open_fds", &[]);
    let before = open();
    let files: Vec<_> =
        (0..500).map(|_| File::open("/dev/null").expect("the file opens")).collect();
    assert!(open() > before + 250);
    drop(files);
    assert!(open() < before + 250);
}

#[test]
fn process_metrics_can_have_the_prefix() {
    let metrics = Metrics::builder()
        .prefix("shop")
        .process_metrics()
        .prefixed_process_metrics()
        .build()
        .expect("valid");
    let scrape = Scrape::of(&metrics);
    for name in NAMES {
        assert_eq!(scrape.count(name, &[]), 0, "{name}");
        assert_eq!(scrape.count(&format!("shop_{name}"), &[]), 1, "{name}");
    }
}

#[test]
fn process_metrics_are_off_by_default() {
    let page = page_of(&Metrics::builder().build().expect("valid"));
    assert!(!page.contains("process_"), "{page}");
}

#[test]
fn process_metrics_already_in_the_registry_are_an_error() {
    let registry = Registry::new();
    registry.register(Box::new(ProcessCollector::for_self())).expect("the registry is empty");
    let builder = || Metrics::builder().registry(registry.clone());
    let error = builder().build_info([("version", "1")]).process_metrics().build();
    let error = error.expect_err("the names are taken");
    assert!(matches!(error, BuildError::ProcessMetrics(_)), "{error}");
    assert!(error.to_string().contains("prefixed_process_metrics"), "{error}");
    builder()
        .build_info([("version", "1")])
        .prefixed_process_metrics()
        .build()
        .expect("the failed instance left nothing behind");
}

#[test]
fn process_cpu_time_is_counted_once_by_concurrent_scrapes() {
    let metrics = Metrics::builder().process_metrics().build().expect("valid");
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..100 {
                    drop(page_of(&metrics));
                }
            });
        }
    });
    let counted = Scrape::of(&metrics).sum("process_cpu_seconds_total", &[]);
    let stat = std::fs::read_to_string("/proc/self/stat").expect("the file exists");
    let fields: Vec<_> =
        stat.rsplit(") ").next().expect("the process name ends").split(' ').collect();
    let ticks: i64 =
        fields[11..13].iter().map(|ticks| ticks.parse::<i64>().expect("a number")).sum();
    assert!(counted <= ticks / 100, "{counted} s of {ticks} hundredths");
}
