//! What the library may cost, as far as that can be counted: crates, the size of a future, the memory of a
//! series. What it costs in allocations is in `allocations.rs`, what it costs in time is for the benchmarks to say.

#![expect(clippy::large_types_passed_by_value, reason = "what large arguments cost is measured")]

use std::collections::BTreeSet;
use std::fs;
use std::mem::size_of_val;
use std::path::Path;
use std::process::Command;

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

/// The future of an annotated function may grow by its arguments, once, and this much.
const FUTURE: usize = 256;

/// The most bytes that one more histogram of seventeen buckets may take at an endpoint that is there.
const HISTOGRAM: i64 = 400;

/// The most bytes that an endpoint with one method may take: three histograms, a counter, a gauge, and what
/// finds them.
const ENDPOINT: i64 = 2_200;

/// The most crates that an axum application may build because of streamgauge, itself included.
const CRATES: usize = 14;

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
fn a_future_grows_by_its_arguments_once_and_a_little() {
    let arguments = [0; 1024];
    let most = size_of_val(&bare(arguments)) + size_of::<Arguments>() + FUTURE;
    let grown = size_of_val(&instrumented(arguments));
    assert!(grown <= most, "{grown} bytes are more than {most}");
}

#[test]
fn a_tracked_call_grows_no_more() {
    let arguments = [0; 1024];
    let most = size_of_val(&bare_call(arguments)) + size_of::<Arguments>() + FUTURE;
    let grown = size_of_val(&tracked(arguments));
    assert!(grown <= most, "{grown} bytes are more than {most}");
    // Each of two attributes has its own.
    let most = most + size_of::<Arguments>() + FUTURE;
    let grown = size_of_val(&both(arguments));
    assert!(grown <= most, "{grown} bytes are more than {most}");
}

/// Bytes that are there after this and were not before, for each of so many endpoints.
fn bytes(endpoints: usize, each: impl Fn(usize)) -> i64 {
    let bytes = measure(|| (0..endpoints).for_each(each)).bytes_current;
    bytes / i64::try_from(endpoints).expect("it is small")
}

#[test]
fn a_histogram_is_small() {
    let bounds = (1..=17).map(f64::from);
    let metrics = Metrics::builder().buckets("stream_duration_seconds", bounds).install();
    let metrics = metrics.expect("nobody else in this process is installed");
    let stream =
        |endpoint| wrap_streaming_response(stream::iter(["one"]), &format!("/endpoint/{endpoint}"));
    bytes(1_000, |endpoint| assert_eq!(stream(endpoint).count().now_or_never(), Some(1)));
    // All that is new of a stream that ends in another way is one histogram.
    let histogram = bytes(1_000, |endpoint| drop(stream(endpoint)));
    let scrape = Scrape::of(metrics);
    assert_eq!(scrape.count("app_stream_duration_seconds_count", &[]), 2_000);
    assert_eq!(scrape.count("app_stream_duration_seconds_bucket", &[]), 2_000 * 18);
    assert!(histogram <= HISTOGRAM, "{histogram} bytes");
}

#[test]
fn an_endpoint_is_small() {
    let metrics = Metrics::builder().build().expect("default settings are valid");
    let mut router = Router::new();
    for endpoint in 0..1_000 {
        router = router.route(&format!("/endpoint/{endpoint}"), get(|| async { "hello" }));
    }
    let router: Router = router.layer(metrics.layer()).with_state(());
    let endpoint = bytes(1_000, |endpoint| {
        let request = Request::get(format!("/endpoint/{endpoint}")).body(Body::empty());
        let request = request.expect("it is well formed");
        let response = router.clone().oneshot(request).now_or_never();
        drop(response.expect("ready at once").expect("a router does not fail"));
    });
    let scrape = Scrape::of(&metrics);
    assert_eq!(scrape.count("app_http_request_duration_seconds_count", &[]), 1_000);
    assert!(endpoint <= ENDPOINT, "{endpoint} bytes");
}

/// The crates that are built for an application with these dependencies.
fn crates(dependencies: &str) -> BTreeSet<String> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("it is a member");
    let application = tempfile::tempdir().expect("there is room");
    let manifest = format!(
        "[package]\nname = \"application\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [dependencies]\n{dependencies}"
    );
    let at = |name| application.path().join(name);
    fs::write(at("Cargo.toml"), manifest).expect("it is writable");
    fs::create_dir(at("src")).expect("it is writable");
    fs::write(at("src/main.rs"), "fn main() {}\n").expect("it is writable");
    // The versions that are here already: nothing is fetched.
    fs::copy(workspace.join("Cargo.lock"), at("Cargo.lock")).expect("both are files");
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--edges", "normal,build", "--prefix", "none"])
        .args(["--format", "{p}"])
        .current_dir(application.path())
        .output()
        .expect("cargo runs the tests, so it is there");
    let said = String::from_utf8_lossy(&tree.stderr);
    assert!(tree.status.success(), "{said}");
    let names = String::from_utf8(tree.stdout).expect("it is text");
    names.lines().filter_map(|line| Some(line.split_once(' ')?.0.to_owned())).collect()
}

#[test]
fn an_application_builds_few_crates_more() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("it is a member");
    let axum = "axum = \"0.8\"\n";
    let ours = format!("{axum}streamgauge = {{ path = {:?} }}\n", workspace.join("runtime"));
    let (before, after) = (crates(axum), crates(&ours));
    let added: Vec<_> = after.difference(&before).collect();
    assert!(before.is_subset(&after));
    assert!(added.iter().any(|name| *name == "streamgauge-macros"), "{added:?}");
    assert!(added.len() <= CRATES, "{}: {added:?}", added.len());
}
