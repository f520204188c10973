//! The fault server: an axum application with one route for each outcome of a request.

pub mod fault_server;

/// Compiles and runs every snippet of a file.
#[cfg(doctest)]
macro_rules! snippets {
    ($($name:ident $file:literal)*) => {$(
        #[doc = include_str!(concat!("../../", $file))]
        pub mod $name {}
    )*};
}

// With the dependencies of this package. The stage `snippets` of `.ci/run` uses exactly those that
// each file names. It also compiles the chapters that need dependencies which this package lacks:
// metrics-facade.md.
#[cfg(doctest)]
snippets! {
    readme "README.md"
    getting_started "docs/getting-started.md"
    metrics "docs/metrics.md"
    errors "docs/errors.md"
    streaming "docs/streaming.md"
    llm_calls "docs/llm-calls.md"
    protocols "docs/protocols.md"
    gateway "docs/gateway.md"
    monitoring "docs/monitoring.md"
    alerts "docs/alerts.md"
    promql "docs/promql.md"
    live "docs/live.md"
    request_labels "docs/request-labels.md"
    exporting "docs/exporting.md"
    testing "docs/testing.md"
    turning_off "docs/turning-off.md"
    deployment "docs/deployment.md"
    from_fastapi "docs/from-fastapi.md"
    from_other_crates "docs/from-other-crates.md"
    performance "docs/performance.md"
    limitations "docs/limitations.md"
    architecture "docs/architecture.md"
}
