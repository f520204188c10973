//! Upper limits for the size of futures, the memory of series and the number of dependencies.
//!
//! Allocations are counted in `allocations.rs`, time is measured by the benchmarks.

#![expect(clippy::large_types_passed_by_value, reason = "the cost of large arguments is measured")]

use std::collections::BTreeSet;
use std::fs;
use std::mem::size_of_val;
use std::path::Path;
use std::process::Command;
use std::thread;

use allocation_counter::measure;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::routing::get;
use futures_util::stream;
use futures_util::{FutureExt, StreamExt};
use streamgauge::{Metrics, Usage, instrument_endpoint, track_tokens, wrap_streaming_response};
use streamgauge_test_support::Scrape;
use tower::ServiceExt;

/// The most bytes that one attribute may add to a future, besides one copy of the arguments.
const MAX_FUTURE_GROWTH: usize = 256;

/// The most bytes that one more histogram of seventeen buckets may take at an existing endpoint.
const MAX_HISTOGRAM_BYTES: i64 = 400;

/// The most bytes that an endpoint with one method may take: three histograms, a counter, a gauge
/// and the index entries that find these series.
const MAX_ENDPOINT_BYTES: i64 = 2_200;

/// The most bytes that a histogram of seventeen buckets may take for each further thread that
/// records into it.
const MAX_FURTHER_THREAD_BYTES: i64 = 160;

/// The most bytes that remain of an instance that has served one endpoint and is dropped.
const MAX_DROPPED_INSTANCE_BYTES: i64 = 100 * 1024;

/// The most crates that streamgauge, itself included, may add to the build of an axum application.
const MAX_ADDED_CRATES: usize = 14;

type Arguments = [u8; 1024];

async fn bare(arguments: Arguments) -> usize {
    tokio::task::yield_now().await;
    arguments.len()
}

#[instrument_endpoint]
async fn instrumented(arguments: Arguments) -> usize {
    tokio::task::yield_now().await;
    arguments.len()
}

async fn bare_call(arguments: Arguments) -> Usage {
    tokio::task::yield_now().await;
    Usage::new(arguments.len() as u64, 1)
}

#[track_tokens(provider = "house", model = "small-1")]
async fn tracked(arguments: Arguments) -> Usage {
    tokio::task::yield_now().await;
    Usage::new(arguments.len() as u64, 1)
}

#[instrument_endpoint]
#[track_tokens(provider = "house", model = "small-1")]
async fn both(arguments: Arguments) -> Usage {
    tokio::task::yield_now().await;
    Usage::new(arguments.len() as u64, 1)
}

#[test]
fn future_of_an_instrumented_function_grows_by_one_copy_of_its_arguments() {
    let arguments = [0; 1024];
    let limit = size_of_val(&bare(arguments)) + size_of::<Arguments>() + MAX_FUTURE_GROWTH;
    let size = size_of_val(&instrumented(arguments));
    assert!(size <= limit, "{size} bytes exceed the limit of {limit}");
}

#[test]
fn future_of_a_tracked_function_grows_by_one_copy_of_its_arguments() {
    let arguments = [0; 1024];
    let limit = size_of_val(&bare_call(arguments)) + size_of::<Arguments>() + MAX_FUTURE_GROWTH;
    let size = size_of_val(&tracked(arguments));
    assert!(size <= limit, "{size} bytes exceed the limit of {limit}");
    // Each of two stacked attributes may keep a copy of the arguments and state of its own.
    let limit = limit + size_of::<Arguments>() + MAX_FUTURE_GROWTH;
    let size = size_of_val(&both(arguments));
    assert!(size <= limit, "{size} bytes exceed the limit of {limit}");
}

/// Returns by how many bytes memory grows for each endpoint.
fn bytes_per_endpoint(endpoints: usize, each: impl Fn(usize)) -> i64 {
    let bytes = measure(|| (0..endpoints).for_each(each)).bytes_current;
    bytes / i64::try_from(endpoints).expect("the number of endpoints fits")
}

#[test]
fn histogram_memory_is_within_the_limit() {
    let bounds = (1..=17).map(f64::from);
    let metrics = Metrics::builder().buckets("stream_duration_seconds", bounds).install();
    let metrics = metrics.expect("no other test of this process installs an instance");
    let stream =
        |endpoint| wrap_streaming_response(stream::iter(["one"]), &format!("/endpoint/{endpoint}"));
    bytes_per_endpoint(1_000, |endpoint| {
        assert_eq!(stream(endpoint).count().now_or_never(), Some(1));
    });
    // A second outcome adds one histogram to each existing endpoint.
    let histogram = bytes_per_endpoint(1_000, |endpoint| drop(stream(endpoint)));
    // Another thread has cells for all series of the endpoints: two such histograms, one with other
    // buckets, a gauge and two counters. The latter take less than a histogram together.
    let further = thread::scope(|threads| {
        let record = || bytes_per_endpoint(1_000, |endpoint| drop(stream(endpoint)));
        threads.spawn(record).join().expect("the thread does not panic")
    });
    assert!(further <= 4 * MAX_FURTHER_THREAD_BYTES, "{further} bytes for another thread");
    let scrape = Scrape::of(metrics);
    assert_eq!(scrape.count("app_stream_duration_seconds_count", &[]), 2_000);
    assert_eq!(scrape.count("app_stream_duration_seconds_bucket", &[]), 2_000 * 18);
    assert!(histogram <= MAX_HISTOGRAM_BYTES, "{histogram} bytes");
}

#[test]
fn endpoint_memory_is_within_the_limit() {
    let metrics = Metrics::builder().build().expect("default settings are valid");
    let mut router = Router::new();
    for endpoint in 0..1_000 {
        router = router.route(&format!("/endpoint/{endpoint}"), get(|| async { "hello" }));
    }
    let router: Router = router.layer(metrics.layer()).with_state(());
    let endpoint = bytes_per_endpoint(1_000, |endpoint| {
        let request = Request::get(format!("/endpoint/{endpoint}")).body(Body::empty());
        let request = request.expect("the request is well formed");
        let response = router.clone().oneshot(request).now_or_never();
        drop(response.expect("ready at once").expect("a router does not fail"));
    });
    let scrape = Scrape::of(&metrics);
    assert_eq!(scrape.count("app_http_request_duration_seconds_count", &[]), 1_000);
    assert!(endpoint <= MAX_ENDPOINT_BYTES, "{endpoint} bytes");
}

#[test]
fn instance_that_is_dropped_leaves_a_bounded_amount_of_memory() {
    let serve = || {
        let metrics = Metrics::builder().build().expect("default settings are valid");
        let router = Router::new().route("/", get(|| async { "hello" })).layer(metrics.layer());
        let request = Request::get("/").body(Body::empty()).expect("the request is well formed");
        drop(router.with_state(()).oneshot(request).now_or_never().expect("ready at once"));
    };
    // The first one also leases the writer slot of this thread.
    serve();
    let bytes = measure(|| (0..20).for_each(|_| serve())).bytes_current / 20;
    assert!(bytes <= MAX_DROPPED_INSTANCE_BYTES, "{bytes} bytes");
}

/// Returns the crates that cargo builds for an application with these dependencies.
fn crates(dependencies: &str) -> BTreeSet<String> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the package is in a workspace folder");
    let application = tempfile::tempdir().expect("a temporary directory can be created");
    let manifest = format!(
        "[package]\nname = \"application\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [dependencies]\n{dependencies}"
    );
    let at = |name| application.path().join(name);
    fs::write(at("Cargo.toml"), manifest).expect("the directory is writable");
    fs::create_dir(at("src")).expect("the directory is writable");
    fs::write(at("src/main.rs"), "fn main() {}\n").expect("the directory is writable");
    // The workspace's lock file, so that cargo needs nothing from the network.
    fs::copy(workspace.join("Cargo.lock"), at("Cargo.lock")).expect("the lock file can be copied");
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--edges", "normal,build", "--prefix", "none"])
        .args(["--format", "{p}"])
        .current_dir(application.path())
        .output()
        .expect("cargo is installed, since it runs the tests");
    let stderr = String::from_utf8_lossy(&tree.stderr);
    assert!(tree.status.success(), "{stderr}");
    let names = String::from_utf8(tree.stdout).expect("cargo prints UTF-8");
    names.lines().filter_map(|line| Some(line.split_once(' ')?.0.to_owned())).collect()
}

#[test]
fn dependencies_add_few_crates_to_an_application() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the package is in a workspace folder");
    let axum = "axum = \"0.8\"\n";
    let ours = format!("{axum}streamgauge = {{ path = {:?} }}\n", workspace.join("runtime"));
    let (before, after) = (crates(axum), crates(&ours));
    let added: Vec<_> = after.difference(&before).collect();
    assert!(before.is_subset(&after));
    assert!(added.iter().any(|name| *name == "streamgauge-macros"), "{added:?}");
    assert!(added.len() <= MAX_ADDED_CRATES, "{}: {added:?}", added.len());
}
